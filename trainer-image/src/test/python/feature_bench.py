#!/usr/bin/env python3
"""Times what FeatureBench times with the Python originals, on one thread; prints the same JSON line.

    feature_bench.py [--seconds S] FILE...        (torch, torchaudio, soundfile, librosa, openai-whisper)
"""
import argparse
import json
import time
from pathlib import Path

import librosa
import torch
import torchaudio
import whisper

torch.set_num_threads(1)
torch.set_grad_enabled(False)
parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("files", nargs="+", type=Path)
args = parser.parse_args()
report = {}


def repeat(step):
    start = time.process_time()
    times = 0
    while time.process_time() < start + args.seconds or times == 0:
        step()
        times += 1
    return (time.process_time() - start) / times


def measure(what, audio_seconds, step):
    if what not in report:
        repeat(step)
        report[what] = round(audio_seconds / repeat(step))


def resampled(wave, rate, new):
    return torchaudio.transforms.Resample(rate, new)(wave)


bank = torch.from_numpy(librosa.filters.mel(sr=24000, n_fft=1920, n_mels=80, fmin=0, fmax=8000)).float()
window = torch.hann_window(1920)


def mel24k(wave):
    y = torch.nn.functional.pad(wave.unsqueeze(1), (720, 720), mode="reflect").squeeze(1)
    spec = torch.view_as_real(torch.stft(y, 1920, hop_length=480, win_length=1920, window=window, center=False,
                                         normalized=False, onesided=True, return_complex=True))
    return torch.log(torch.clamp(torch.matmul(bank, torch.sqrt(spec.pow(2).sum(-1) + 1e-9)), min=1e-5))


first = None
for path in args.files:
    def load():
        samples, rate = torchaudio.load(str(path), backend="soundfile")
        return samples.mean(0, keepdim=True), rate
    wave, rate = load()
    first = first or (wave, rate)
    measure(f"decode {path.name}", wave.shape[1] / rate, load)
    for new in (16000, 24000):
        if new != rate:
            measure(f"resample {rate} {new}", wave.shape[1] / rate, lambda: resampled(wave, rate, new))
wave, rate = first
seconds = wave.shape[1] / rate
low = resampled(wave, rate, 16000)
high = resampled(wave, rate, 24000)
measure("fbank", seconds, lambda: torchaudio.compliance.kaldi.fbank(low, num_mel_bins=80, dither=0,
                                                                     sample_frequency=16000))
measure("whisper", seconds, lambda: whisper.log_mel_spectrogram(low, n_mels=128))
measure("mel24k", seconds, lambda: mel24k(high))
print(json.dumps(report))
