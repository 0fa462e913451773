#!/usr/bin/env python3
"""Makes a small HiFT vocoder with random weights, and what the original code makes of a mel with it.

usage: make_hift.py CHECKOUT OUT_DIR [CHANNELS [FRAMES [full]]]

CHECKOUT is one of Step-Audio-EditX (stepvocoder/) or CosyVoice (cosyvoice/); PyPI: torch, numpy, scipy. Writes OUT_DIR/hift.pt
(weight normalisation under its old names: weight_g, weight_v) and OUT_DIR/expected.npz (mel_FC, f0_F, source_L,
audio_L). With `full` the residual blocks have the released sizes. The excitation's noise is that of a linear
congruential generator, so that others can make the same: n ← n·1103515245 + 12345 mod 2³¹ from 1, value n/2³⁰ − 1.
"""
import os
import sys

import numpy as np
import torch

checkout, out = sys.argv[1:3]
channels = int(sys.argv[3]) if len(sys.argv) > 3 else 8
frames = int(sys.argv[4]) if len(sys.argv) > 4 else 12
full = "full" in sys.argv
sys.path.insert(0, checkout)
if os.path.isdir(checkout + "/stepvocoder"):
    from stepvocoder.cosyvoice2.hifigan.f0_predictor import ConvRNNF0Predictor
    from stepvocoder.cosyvoice2.hifigan.generator import HiFTGenerator
else:
    from cosyvoice.hifigan.f0_predictor import ConvRNNF0Predictor
    from cosyvoice.hifigan.generator import HiFTGenerator

torch.manual_seed(7)
kernels = [3, 7, 11] if full else [3, 5]
source_kernels = [7, 7, 11] if full else [3, 5, 3]
predictor = ConvRNNF0Predictor(num_class=1, in_channels=80, cond_channels=channels)
model = HiFTGenerator(
    in_channels=80, base_channels=channels, nb_harmonics=8, sampling_rate=24000, nsf_alpha=0.1, nsf_sigma=0.003,
    nsf_voiced_threshold=10, upsample_rates=[8, 5, 3], upsample_kernel_sizes=[16, 11, 7],
    istft_params={"n_fft": 16, "hop_len": 4}, resblock_kernel_sizes=kernels,
    resblock_dilation_sizes=[[1, 3, 5]] * len(kernels), source_resblock_kernel_sizes=source_kernels,
    source_resblock_dilation_sizes=[[1, 3, 5]] * 3, lrelu_slope=0.1, audio_limit=0.99, f0_predictor=predictor).eval()
with torch.no_grad():
    for name, p in model.named_parameters():
        if "alpha" in name:
            p.uniform_(0.5, 2)
        elif name.endswith(("weight_g", "original0")):
            p.mul_(1 + 0.3 * torch.randn_like(p))
        elif not name.startswith("f0_predictor"):
            p.mul_(1.5 if name.startswith(("ups", "conv_post")) else 1)
    model.m_source.l_linear.weight.mul_(3)

mel = torch.randn(1, 80, frames) * 2 - 4
with torch.no_grad():  # pitches of voices, and some frames below 10 Hz, which are unvoiced
    spread = (predictor.condnet(mel).transpose(1, 2) @ predictor.classifier.weight.T).flatten()
    scale = 120 / float(spread.std())
    predictor.classifier.weight.mul_(scale)
    predictor.classifier.bias.fill_(4 - float(spread.sort().values[frames // 3] * scale))


def noise(shape):
    n, values = 1, np.empty(int(np.prod(shape)), dtype=np.float32)
    for i in range(values.size):
        n = (n * 1103515245 + 12345) % 2**31
        values[i] = n / 2**30 - 1
    return torch.from_numpy(values).reshape(shape)


randn_like = torch.randn_like
torch.randn_like = lambda x: noise(x.shape)
audio, source = model.inference(mel)
torch.randn_like = randn_like
f0 = predictor(mel)
print(f"f0 {f0.min():.1f} … {f0.max():.1f} Hz, {(f0 > 10).sum()} of {frames} frames voiced; audio {audio.abs().mean():.4f}"
      f" on average, {audio.abs().max():.4f} at most")

state = {}
for name, value in model.state_dict().items():
    name = name.replace(".parametrizations.weight.original0", ".weight_g")
    state[name.replace(".parametrizations.weight.original1", ".weight_v")] = value.clone()
os.makedirs(out, exist_ok=True)
torch.save(state, out + "/hift.pt")
np.savez_compressed(out + "/expected.npz", mel_FC=mel[0].T.contiguous().numpy(), f0_F=f0[0].detach().numpy(),
                    source_L=source[0, 0].numpy(), audio_L=audio[0].numpy())
