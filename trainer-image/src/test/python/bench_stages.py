#!/usr/bin/env python3
"""Stages 1-3 against the Python path, same recordings, same machine, one core each, in turn.

usage: bench_stages.py --flow-trainer CMD --speech DIR --fixtures DIR --work DIR [--utterances 100,1000] [--seconds 3]
                       [--pairs 3] [--core 0]

CMD is target/dist/bin/flow-trainer. DIR of --speech is a Kaldi folder; its recordings are joined to utterances of a few
seconds, which are repeated under new names to make up each number. --fixtures has onnx_stubs/ and vq02/: stand-ins with the inputs and outputs of the released
models, so that what is compared is all around the models (their own arithmetic is ONNX Runtime's on both sides).

Python's side does what CosyVoice's tools do (extract_embedding, extract_speech_token, make_parquet_list), one thread:
torchaudio and ONNX Runtime for the speaker, whisper's log-mel for vq06, pandas for Parquet; vq02 as FunASR's front end
computes it, but for a whole recording at once, which spares Python its chunks. Every stage is a process on both sides, and
its start counts. Both results are compared before any time is.

Needs torch, torchaudio 2.7.1, soundfile, onnxruntime, openai-whisper, pandas and pyarrow. Last line: one JSON object.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import time

STAGES = ["speaker-embedding", "speech-tokens", "parquet"]
SPLITS = ["train", "dev"]


def table(path):
    with open(path, encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(" ", 1) for line in f)


# ---- Python's side, a process for each stage ------------------------------------------------------------------------

def session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, sess_options=options, providers=["CPUExecutionProvider"])


def load(path):
    import torchaudio
    audio, rate = torchaudio.load(path, backend="soundfile")
    if rate != 16000:
        audio = torchaudio.transforms.Resample(orig_freq=rate, new_freq=16000)(audio)
    return audio.mean(dim=0, keepdim=True) if audio.shape[0] > 1 else audio


def speaker_embedding(data, fixtures):
    import torch
    import torchaudio.compliance.kaldi as kaldi
    model = session(f"{fixtures}/onnx_stubs/campplus_stub.onnx")
    name = model.get_inputs()[0].name
    utt2spk = table(f"{data}/utt2spk")
    utt2embedding, of_speaker = {}, {}
    for utt, wav in table(f"{data}/wav.scp").items():
        fbank = kaldi.fbank(load(wav), num_mel_bins=80, dither=0, sample_frequency=16000)
        fbank = fbank - fbank.mean(dim=0, keepdim=True)
        utt2embedding[utt] = model.run(None, {name: fbank.unsqueeze(0).numpy()})[0].flatten().tolist()
        of_speaker.setdefault(utt2spk[utt], []).append(utt2embedding[utt])
    torch.save(utt2embedding, f"{data}/utt2embedding.pt")
    torch.save({k: torch.tensor(v).mean(dim=0).tolist() for k, v in of_speaker.items()}, f"{data}/spk2embedding.pt")


class Vq02:
    """FunASR's online encoder, chunk [0, 4, 5] and look-back 4, without dither."""

    def __init__(self, fixtures):
        import numpy as np
        import re
        self.model = session(f"{fixtures}/vq02/sanm_chunk_tiny.onnx")
        _, heads_in, *_ = self.model.get_inputs()
        self.cache = [heads_in.shape[0], 1, heads_in.shape[2], 0, heads_in.shape[4]]
        self.out = heads_in.shape[2] * heads_in.shape[4]
        self.names = [i.name for i in self.model.get_inputs()]
        shift, scale = [np.array(v.split(), dtype=np.float32) for v in
                        re.findall(r"\[([^\]]*)\]", open(f"{fixtures}/vq02/am.mvn").read()) if len(v.split()) > 100]
        self.shift, self.scale = shift, scale
        self.codebook = np.load(f"{fixtures}/vq02/vq02.npz")["codebook"]
        self.half_norms = (self.codebook ** 2).sum(axis=1) / 2

    def rows(self, audio):
        import torch
        import torchaudio.compliance.kaldi as kaldi
        fbank = kaldi.fbank(audio * 32768, num_mel_bins=80, dither=0, sample_frequency=16000, window_type="hamming")
        fbank = torch.cat([fbank[:1].expand(3, -1), fbank])
        count = -(-(fbank.shape[0] - 3) // 6)
        fbank = torch.cat([fbank, fbank[-1:].expand(7, -1)])
        return (fbank.unfold(0, 7, 6)[:count].transpose(1, 2).reshape(count, -1).numpy() + self.shift) * self.scale

    def __call__(self, audio):
        import numpy as np
        x = self.rows(audio) * np.float32(self.out ** 0.5)
        half = x.shape[1] // 2
        scale = 10000.0 ** (-np.arange(half) / (half - 1))
        angle = np.arange(1, len(x) + 1)[:, None] * scale
        x = (x + np.concatenate([np.sin(angle), np.cos(angle)], axis=1)).astype(np.float32)
        x = np.concatenate([np.zeros((5, x.shape[1]), np.float32), x])
        k = v = np.zeros(self.cache, np.float32)
        codes = []
        for at in range(5, len(x), 4):
            enc, k, v = self.model.run(None, dict(zip(self.names, [x[None, at - 5:at + 4], k, v])))
            codes.extend((enc[0, 5:] @ self.codebook.T - self.half_norms).argmax(axis=1).tolist())
        return codes


def speech_tokens(data, fixtures):
    import numpy as np
    import torch
    import whisper
    vq06 = session(f"{fixtures}/onnx_stubs/speech_tokenizer_stub.onnx")
    mel_name, length_name = [i.name for i in vq06.get_inputs()]
    vq02 = Vq02(fixtures)
    utt2tokens = {}
    for utt, wav in table(f"{data}/wav.scp").items():
        audio = load(wav)
        audio = audio / max(audio.abs().max().item(), 0.01) * 0.999
        b = []
        for piece in audio.split(30 * 16000, dim=1):
            if piece.shape[1] >= 480:
                mel = whisper.log_mel_spectrogram(piece, n_mels=128)
                b += vq06.run(None, {mel_name: mel.numpy(), length_name: np.array([mel.shape[2]], dtype=np.int32)})[0].flatten().tolist()
        a = vq02(audio)
        groups = min(len(a) // 2, len(b) // 3)
        utt2tokens[utt] = [t for g in range(groups) for t in a[2 * g:2 * g + 2] + [c + 1024 for c in b[3 * g:3 * g + 3]]]
    torch.save(utt2tokens, f"{data}/utt2speech_token.pt")


def parquet(data, fixtures):
    import pandas as pd
    import torch
    utt2wav, utt2text, utt2spk = (table(f"{data}/{n}") for n in ("wav.scp", "text", "utt2spk"))
    utt2embedding, spk2embedding, utt2tokens = (torch.load(f"{data}/{n}.pt") for n in
                                                ("utt2embedding", "spk2embedding", "utt2speech_token"))
    out = pathlib.Path(data, "parquet")
    out.mkdir(exist_ok=True)
    utts = list(utt2wav)
    for i, first in enumerate(range(0, len(utts), 1000)):
        mine = utts[first:first + 1000]
        pd.DataFrame({
            "utt": mine, "audio_data": [open(utt2wav[u], "rb").read() for u in mine], "wav": [utt2wav[u] for u in mine],
            "text": [utt2text[u] for u in mine], "spk": [utt2spk[u] for u in mine],
            "utt_embedding": [utt2embedding[u] for u in mine], "spk_embedding": [spk2embedding[utt2spk[u]] for u in mine],
            "speech_token": [utt2tokens[u] for u in mine]}).to_parquet(out / f"parquet_{i:09d}.tar")


def python_stage(stage, data, fixtures):
    if stage != "parquet":
        import torch
        torch.set_num_threads(1)
    for split in SPLITS:
        {"speaker-embedding": speaker_embedding, "speech-tokens": speech_tokens, "parquet": parquet}[stage](
            f"{data}/{split}", fixtures)


# ---- measuring ------------------------------------------------------------------------------------------------------

def measured(core, command, log):
    """Wall and CPU seconds of a process and what it started, and its largest memory in MiB."""
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {core})
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"FAILED: {' '.join(command)}\n" + open(log).read()[-2000:])
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024}


def joined(speech, folder, least):
    """Recordings of a speaker one after the other, each at least so many seconds: sample prompts are shorter than sentences."""
    import numpy as np
    import soundfile
    wavs, texts, speakers = (table(speech / n) for n in ("wav.scp", "text", "utt2spk"))
    folder.mkdir(parents=True)
    made = []
    for speaker in sorted(set(speakers.values())):
        samples, words = [], []
        for u in sorted(u for u in wavs if speakers[u] == speaker):
            audio, rate = soundfile.read(speech / wavs[u], dtype="int16")
            samples.append(audio)
            words.append(texts[u])
            if sum(map(len, samples)) >= least * rate:
                file = folder / f"{speaker}-{len(made):05d}.wav"
                soundfile.write(file, np.concatenate(samples), rate)
                made.append((file.absolute(), " ".join(words), speaker))
                samples, words = [], []
    return made


def make_input(recordings, folder, count):
    folder.mkdir(parents=True)
    with open(folder / "wav.scp", "w") as scp, open(folder / "text", "w") as text, open(folder / "utt2spk", "w") as spk:
        for i in range(count):
            file, words, speaker = recordings[i * 7919 % len(recordings)]  # a prime: the first hundred are of all speakers
            name = f"{speaker}-{i:07d}"
            scp.write(f"{name} {file}\n")
            text.write(f"{name} {words}\n")
            spk.write(f"{name} {speaker}\n")


def make_tokenizer(fixtures, folder):
    import numpy as np
    folder.mkdir()
    np.save(folder / "linguistic_tokenizer.npy", np.load(f"{fixtures}/vq02/vq02.npz")["codebook"])
    shutil.copy(f"{fixtures}/vq02/am.mvn", folder)
    shutil.copy(f"{fixtures}/vq02/sanm_chunk_tiny.onnx", folder / "sanm_chunk.onnx")
    shutil.copy(f"{fixtures}/onnx_stubs/speech_tokenizer_stub.onnx", folder / "speech_tokenizer_v1.onnx")


def same_results(ours, python):
    """The largest difference of an embedding, and the share of equal tokens."""
    import numpy as np
    import torch
    difference, equal, tokens = 0.0, 0, 0
    for split in SPLITS:
        theirs = torch.load(python / split / "utt2embedding.pt")
        for utt, vector in table(ours / "data" / split / "utt2embedding").items():
            difference = max(difference, np.abs(np.array(vector.strip("[ ]").split(), float) - theirs[utt]).max())
        theirs = torch.load(python / split / "utt2speech_token.pt")
        for utt, line in table(ours / "data" / split / "utt2speech_token").items():
            mine = list(map(int, line.split()))
            shorter = min(len(mine), len(theirs[utt]))
            equal += sum(a == b for a, b in zip(mine, theirs[utt]))
            tokens += max(len(mine), len(theirs[utt]))
            if abs(len(mine) - len(theirs[utt])) > 5:
                sys.exit(f"FAILED: {utt} has {len(mine)} tokens here and {len(theirs[utt])} in Python")
            assert shorter > 0
    if difference > 1e-2 or equal < 0.99 * tokens:
        sys.exit(f"FAILED: not the same work: embeddings differ by {difference}, {equal} of {tokens} tokens are equal")
    return {"embeddings_differ_by": float(difference), "equal_tokens": equal / tokens}


def compare(args, recordings, count, work):
    make_input(recordings, work / "in", count)
    tokenizer = work / "tokenizer"
    make_tokenizer(args.fixtures, tokenizer)
    prepared = work / "prepared"
    log = str(work / "log")
    models = ["--speaker-encoder", f"{args.fixtures}/onnx_stubs/campplus_stub.onnx", "--tokenizer", str(tokenizer)]
    measured(args.core, [args.flow_trainer, "prepare-data", "--run-dir", str(prepared), "--train", str(work / "in"), *models], log)
    seconds = sum(float(v) for s in SPLITS for v in table(prepared / "data" / s / "utt2dur").values())
    rows, same = [], None
    for pair in range(args.pairs):
        ours, python = work / f"ours-{pair}", work / f"python-{pair}"
        shutil.copytree(prepared, ours)
        shutil.copytree(prepared / "data", python)
        for stage in STAGES:
            commands = {"ours": [args.flow_trainer, stage, "--run-dir", str(ours), *models],
                        "python": [sys.executable, __file__, "--stage", stage, "--data", str(python), "--fixtures", args.fixtures]}
            for side in sorted(commands, reverse=pair % 2 == 1):
                row = {"utterances": count, "stage": stage, "pair": pair, "side": side, **measured(args.core, commands[side], log)}
                print(json.dumps(row), flush=True)
                rows.append(row)
        same = same or same_results(ours, python)
        shutil.rmtree(ours)
        shutil.rmtree(python)
    return seconds, same, rows


def median(rows, side, stage, key):
    by_pair = {}
    for r in rows:
        if r["side"] == side and stage in (r["stage"], "all"):
            by_pair[r["pair"]] = by_pair.get(r["pair"], 0) + r[key]
    return statistics.median(by_pair.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flow-trainer")
    parser.add_argument("--speech")
    parser.add_argument("--fixtures", required=True)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--utterances", default="100,1000")
    parser.add_argument("--seconds", type=float, default=3, help="recordings of a speaker are joined to at least so many")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        python_stage(args.stage, args.data, args.fixtures)
        return
    recordings = args.work / "recordings"
    shutil.rmtree(recordings, ignore_errors=True)
    recordings = joined(pathlib.Path(args.speech), recordings, args.seconds)
    results = []
    for count in map(int, args.utterances.split(",")):
        work = args.work / str(count)
        shutil.rmtree(work, ignore_errors=True)
        seconds, same, rows = compare(args, recordings, count, work)
        for stage in STAGES + ["all"]:
            result = {"utterances": count, "stage": stage, "audio_seconds": round(seconds, 1)}
            for key in ("cpu", "wall"):
                mine, theirs = median(rows, "ours", stage, key), median(rows, "python", stage, key)
                result[key] = {"ours": round(seconds / mine, 1), "python": round(seconds / theirs, 1), "ratio": round(theirs / mine, 2)}
            results.append(result)
        results[-1].update(same)
    print("\n| utterances | stage | audio-s per CPU-s, ours | Python | ratio | audio-s per s, ours | Python | ratio |\n" + "| --- " * 8 + "|")
    for r in results:
        print("| {utterances} | {stage} | {cpu[ours]} | {cpu[python]} | {cpu[ratio]} | {wall[ours]} | {wall[python]} | {wall[ratio]} |".format(**r))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
