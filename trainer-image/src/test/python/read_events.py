#!/usr/bin/env python3
"""Reads a run's TensorBoard events with TensorBoard's own reader (PyPI: tensorboard).

usage: read_events.py RUN_DIR

Prints each scalar's tag, number of points, first and last step and last value; each picture's size and each recording's
rate and length. Ends with 1 when TRAIN/loss is missing or its steps do not rise, or when a picture or a recording is not
what its summary says it is.
"""
import io
import struct
import sys
import wave

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1] + "/tensorboard/flow_model",
                          size_guidance={"scalars": 0, "images": 0, "audio": 0}).Reload()
tags = events.Tags()
for tag in sorted(tags["scalars"]):
    points = events.Scalars(tag)
    print(f"scalar {tag:24} {len(points):6} points, steps {points[0].step}..{points[-1].step}, last value {points[-1].value:.6g}")
for tag in sorted(tags["images"]):
    points = events.Images(tag)
    for p in points:
        width, height = struct.unpack(">II", p.encoded_image_string[16:24])
        if p.encoded_image_string[1:4] != b"PNG" or (width, height) != (p.width, p.height):
            sys.exit(f"FAILED: {tag} at step {p.step} is not a PNG of {p.width} x {p.height}")
    print(f"image  {tag:24} {len(points):6} points, steps {points[0].step}..{points[-1].step}, {p.width} x {p.height}")
for tag in sorted(tags["audio"]):
    points = events.Audio(tag)
    for p in points:
        sound = wave.open(io.BytesIO(p.encoded_audio_string))
        if (sound.getframerate(), sound.getnframes()) != (p.sample_rate, p.length_frames):
            sys.exit(f"FAILED: {tag} at step {p.step} is not a WAV of {p.length_frames} samples at {p.sample_rate} Hz")
    print(f"audio  {tag:24} {len(points):6} points, steps {points[0].step}..{points[-1].step}, "
          f"{p.length_frames / p.sample_rate:.2f} s at {p.sample_rate:.0f} Hz")
steps = [p.step for p in events.Scalars("TRAIN/loss")]
if any(b <= a for a, b in zip(steps, steps[1:])):
    sys.exit("FAILED: the steps of TRAIN/loss do not rise")
