#!/usr/bin/env python3
"""Makes src/test/resources/audio: synthetic sound in every format that is read, and what other programs decode.

    make_audio_files.py FOLDER        (Debian: ffmpeg sox flac vorbis-tools opus-tools lame)

Each file NAME has an array NAME in expected.npz: float32, mono (the mean over the channels, in float64), decoded by
ffmpeg, or for Vorbis and Opus by the reference decoder (16 bits, float). Lossy ones are rounded to 2^-16 to keep the
set small.
"""
import array
import math
import random
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

RATES = (16000, 24000, 44100)
# name, ffmpeg's codec, further options; of 10 ms each
WAVS = (("u8", "pcm_u8", ()), ("s16", "pcm_s16le", ()), ("s24", "pcm_s24le", ()), ("s32", "pcm_s32le", ()),
        ("f32", "pcm_f32le", ()), ("f64", "pcm_f64le", ()), ("alaw", "pcm_alaw", ()), ("mulaw", "pcm_mulaw", ()),
        ("rf64", "pcm_s16le", ("-rf64", "always")))

# the three ways in which Opus codes: a transform, linear prediction, and both
OPUS = (("opus", ("--bitrate", 96)), ("silk", ("--bitrate", 10, "--speech")), ("hybrid", ("--bitrate", 24, "--speech")))


def run(*command, stdin=None):
    return subprocess.run([str(c) for c in command], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=True).stdout


def sound(rate, channels, seconds):
    """Interleaved doubles: a sweep to 0.4 of the rate, another per channel, over a little noise."""
    draw = random.Random(rate * channels)
    n = round(rate * seconds)
    out = array.array("d")
    for i in range(n):
        t = i / rate
        for c in range(channels):
            f = 200 + (0.35 - 0.1 * c) * rate * i / n
            v = 0.5 * math.sin(math.pi * (f + 200) * t + c) + 0.05 * (2 * draw.random() - 1)
            out.append(v * min(1, (i + 1) / 40, (n - i) / 40))
    return out.tobytes()


def decoded(file, channels, command=None, bits=32):
    """The mean over the channels of what a program makes of a file."""
    raw = run(*(command or ("ffmpeg", "-v", "error", "-i", file, "-f", "f32le", "-")))
    values = array.array("f", raw) if bits == 32 else [v / 32768 for v in array.array("h", raw)]
    return [sum(values[i:i + channels]) / channels for i in range(0, len(values), channels)]


def npy(values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(values)
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + array.array("f", values).tobytes()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    expected = {}

    def keep(file, channels, command=None, bits=32, lossy=False):
        values = decoded(file, channels, command, bits)
        expected[file.name] = [round(v * 65536) / 65536 for v in values] if lossy else values

    for rate in RATES:
        for channels in (1, 2):
            short = sound(rate, channels, 0.01)
            long = sound(rate, channels, 0.1)
            raw = ("-f", "f64le", "-ar", rate, "-ac", channels, "-i", "-")
            tag = f"{rate}_{channels}ch"
            for name, codec, options in WAVS:
                file = folder / f"{name}_{tag}.wav"
                run("ffmpeg", "-v", "error", *raw, "-c:a", codec, *options, "-bitexact", file, stdin=short)
                keep(file, channels)
            file = folder / f"extensible_{tag}.wav"  # sox writes WAVE_FORMAT_EXTENSIBLE for 24 bits
            run("sox", "-D", "-t", "f64", "-r", rate, "-c", channels, "-", "-b", 24, file, stdin=short)
            keep(file, channels)

            pcm = {bits: run("ffmpeg", "-v", "error", *raw, "-c:a", f"pcm_s{bits}le", "-bitexact", "-f", "wav", "-",
                             stdin=long) for bits in (16, 24)}
            for bits in (16, 24) if rate == RATES[0] else (16,):
                file = folder / f"flac{bits}_{tag}.flac"
                run("flac", "--silent", "-8", "--no-padding", "--ignore-chunk-sizes", "-o", file, "-", stdin=pcm[bits])
                keep(file, channels)
            file = folder / f"vorbis_{tag}.ogg"
            run("oggenc", "-Q", "-q", 4, "-s", 1, "-o", file, "-", stdin=pcm[16])
            keep(file, channels, ("oggdec", "-Q", "-R", "-b", 16, "-o", "-", file), bits=16, lossy=True)
            for name, options in OPUS if rate == RATES[0] else OPUS[:1]:
                file = folder / f"{name}_{tag}.opus"
                run("opusenc", "--quiet", *options, "--padding", 0, "--discard-comments", "--serial", 1, "-", file,
                    stdin=pcm[16])
                keep(file, channels, ("opusdec", "--quiet", "--float", "--rate", 48000, file, "-"), lossy=True)
            for name, options in (("cbr", ("-b", 64 * channels)), ("vbr", ("-V", 4))):
                file = folder / f"{name}_{tag}.mp3"
                run("lame", "--quiet", *options, "-", file, stdin=pcm[16])
                keep(file, channels, lossy=True)
    file = folder / "untagged_16000_1ch.mp3"
    run("lame", "--quiet", "-t", "-b", 32, "-", file, stdin=run(
        "ffmpeg", "-v", "error", "-f", "f64le", "-ar", 16000, "-ac", 1, "-i", "-", "-f", "wav", "-",
        stdin=sound(16000, 1, 0.1)))
    keep(file, 1, lossy=True)

    with zipfile.ZipFile(folder / "expected.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name in sorted(expected):
            z.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), npy(expected[name]),
                       zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
