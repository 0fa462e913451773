#!/usr/bin/env python3
"""A flow.pt through the model code of Step-Audio-EditX: its mels are those of `flow-trainer synthesize`.

usage: upstream_mel.py make    CHECKOUT STATE_DICT_JSON FLOW_PT
       upstream_mel.py compare CHECKOUT STATE_DICT_JSON FLOW_PT MELS PARQUET...

CHECKOUT is a checkout of Step-Audio-EditX (needs einops). `make` writes a model of the released size with random weights,
none of them zero. `compare` loads FLOW_PT strictly, takes the utterances whose mels `synthesize --out MELS` has written
from the Parquet files, starts from the same noise, and fails above 1e-4 (needs pyarrow).
"""
import argparse
import glob
import json
import math
import os
import re

import torch

from load_flow_pt import build_upstream, check

TOLERANCE = 1e-4
NOISE_SEED = 1986  # of the class Synthesizer


class JavaRandom:
    """java.util.Random, as documented there."""

    def __init__(self, seed):
        self.seed = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)
        self.waiting = None

    def next(self, bits):
        self.seed = (self.seed * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self.seed >> (48 - bits)

    def next_double(self):
        return ((self.next(26) << 27) + self.next(27)) / (1 << 53)

    def next_gaussian(self):
        if self.waiting is not None:
            value, self.waiting = self.waiting, None
            return value
        while True:
            a, b = 2 * self.next_double() - 1, 2 * self.next_double() - 1
            s = a * a + b * b
            if 0 < s < 1:
                factor = math.sqrt(-2 * math.log(s) / s)
                self.waiting = b * factor
                return a * factor


def make(flow, path):
    torch.manual_seed(7)
    state = flow.state_dict()
    for name, tensor in state.items():
        if tensor.count_nonzero() == 0:  # gates, and the output: as they start, the model would predict nothing
            tensor.copy_(0.05 * torch.randn_like(tensor))
    torch.save(state, path)
    print(f"{path}: {len(state)} tensors, {sum(t.numel() for t in state.values())} parameters, random")


def rows(files):
    import pyarrow.parquet as parquet

    for file in files:
        yield from parquet.read_table(file, columns=["utt", "speech_token", "utt_embedding"]).to_pylist()


def time_aligned(flat, groups):
    """Of [a,a,b,b,b] (vq06 with 1024 added): a beside the first two, the pad beside the third; b with one more added."""
    pairs = []
    for g in range(groups):
        a0, a1, *b = flat[5 * g:5 * g + 5]
        pairs += [[a, x + 1] for a, x in zip((a0, a1, 1024), b)]
    return torch.tensor([pairs])


def noise(frames):
    random = JavaRandom(NOISE_SEED)
    values = [[random.next_gaussian() for _ in range(80)] for _ in range(frames)]
    return torch.tensor(values, dtype=torch.float64).float().T[None]


def compare(flow, flow_pt, mels, files):
    import numpy

    flow.load_state_dict(torch.load(flow_pt, map_location="cpu", weights_only=True), strict=True)
    flow.eval()
    ours = {}
    for path in glob.glob(os.path.join(mels, "*.mel.npy")):
        if path.endswith("_real.mel.npy"):
            continue  # the recording's, which synthesize puts beside its own
        ours[re.sub(r"^\d+_", "", os.path.basename(path))[:-len(".mel.npy")]] = numpy.load(path)
    worst = 0
    for row in rows(files):
        mel = ours.pop(re.sub(r"[^A-Za-z0-9._-]", "_", row["utt"]), None)
        if mel is None:
            continue
        token = time_aligned(row["speech_token"], len(mel) // 6)
        flow.decoder.rand_noise = noise(len(mel))
        theirs = flow.inference(
            token=token, token_len=torch.tensor([token.shape[1]]), prompt_token=token[:, :0],
            prompt_token_len=torch.tensor([0]), prompt_feat=torch.zeros(1, 0, 80), prompt_feat_len=torch.tensor([0]),
            embedding=torch.tensor([row["utt_embedding"]], dtype=torch.float32))[0].T.numpy()
        check(theirs.shape == mel.shape, f"{row['utt']}: {mel.shape} here, {theirs.shape} upstream")
        difference = float(abs(theirs - mel).max())
        worst = max(worst, difference)
        print(f"{row['utt']}: {len(mel)} frames, mels between {mel.min():.2f} and {mel.max():.2f}, largest difference "
              f"{difference:.2e}")
    check(not ours, f"no row for {sorted(ours)}")
    check(worst <= TOLERANCE, f"{worst:.2e} is above {TOLERANCE}")
    print(f"ok: strict=True into the upstream model, and its mels are ours within {worst:.2e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "compare"])
    parser.add_argument("checkout")
    parser.add_argument("state_dict_json")
    parser.add_argument("flow_pt")
    parser.add_argument("mels", nargs="?")
    parser.add_argument("parquet", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    flow = build_upstream(json.load(open(args.state_dict_json))["model"], args.checkout)
    if args.what == "make":
        make(flow, args.flow_pt)
    else:
        check(args.mels and args.parquet, "give the mels and the Parquet files")
        compare(flow, args.flow_pt, args.mels, args.parquet)


if __name__ == "__main__":
    main()
