#!/usr/bin/env python3
"""Reads a run's TensorBoard events with TensorBoard's own reader (PyPI: tensorboard).

usage: read_events.py RUN_DIR

Prints each scalar's tag, number of points, first and last step and last value; ends with 1 when TRAIN/loss is missing or
its steps do not rise.
"""
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1] + "/tensorboard/flow_model", size_guidance={"scalars": 0}).Reload()
for tag in sorted(events.Tags()["scalars"]):
    points = events.Scalars(tag)
    print(f"{tag:24} {len(points):6} points, steps {points[0].step}..{points[-1].step}, last value {points[-1].value:.6g}")
steps = [p.step for p in events.Scalars("TRAIN/loss")]
if any(b <= a for a, b in zip(steps, steps[1:])):
    sys.exit("FAILED: the steps of TRAIN/loss do not rise")
