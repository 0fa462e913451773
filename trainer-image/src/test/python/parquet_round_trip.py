#!/usr/bin/env python3
"""A round trip of training data between this trainer and CosyVoice, with the real Python packages.

usage: parquet_round_trip.py COSYVOICE RUN_DIR --classpath CP [--max-frames 2000]

COSYVOICE is a checkout with its submodule third_party/Matcha-TTS; RUN_DIR is a run of which stages 0 to 3 are done;
CP is the class path of the trainer and of its tests. Needs torch, torchaudio, pyarrow, pandas, soundfile, and what
CosyVoice's processors import (openai-whisper, pyworld, librosa, scipy, tqdm).

All utterances of train and dev are compared; any difference ends it with status 1.

1. pandas reads our files: the schema that CosyVoice's own tool writes, every row as it was, byte for byte.
2. Our Parquet through CosyVoice's parquet_opener, tokenize, filter, resample, compute_fbank, parse_embedding, sort,
   batch and padding gives the batches that our loader gives.
3. The same utterances, and some in other audio forms, through CosyVoice's tools/make_parquet_list.py: our loader gives
   the batches of CosyVoice's processors again, also when the files have many row groups, zstd and an instruct column.
4. With narrow limits both filters leave out the same utterances (text tokens by whisper's tokenizer on both sides).
5. The comparison can fail: a token, a sample, a number of an embedding that is changed and a row that is left out in
   what our loader reads, one at a time, are each found.

One step is not CosyVoice's: Step-Audio's two codebooks are trimmed to the groups that tokens and mel share (5 tokens, 6
frames), as our loader does. Without shuffling, since the two sides draw from different generators.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
from functools import partial

import numpy as np
import pandas
import pyarrow.parquet
import soundfile
import torch
import torchaudio

GROUP, FRAMES, PADDED = 5, 6, 960  # tokens and mel frames of 120 ms; samples at 24 kHz that audio is padded to
LOG_MEL, MEAN_LOG_MEL, EMBEDDING = 2e-3, 1e-5, 1e-6  # absolute, as fixtures/audio/meta.json has them
LOOSE = dict(min_length=10, max_length=6000, token_min_length=1, token_max_length=200, min_output_input_ratio=0.0005,
             max_output_input_ratio=1)
NARROW = dict(min_length=170, max_length=420, token_min_length=4, token_max_length=16, min_output_input_ratio=0.012,
              max_output_input_ratio=0.045)


class Difference(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Difference(message)


def upstream_pipeline(checkout, whisper_tokenizer, limits, max_frames):
    """CosyVoice's processors in the order of its yaml, as one function from file names to batches."""
    from cosyvoice.dataset import processor
    spec = importlib.util.spec_from_file_location("matcha_audio",
                                                  checkout / "third_party/Matcha-TTS/matcha/utils/audio.py")
    audio = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(audio)
    mel = partial(audio.mel_spectrogram, n_fft=1920, num_mels=80, sampling_rate=24000, hop_size=480, win_size=1920,
                  fmin=0, fmax=8000, center=False)

    def trim(data):
        for sample in data:
            groups = min(len(sample["speech_token"]) // GROUP, sample["speech_feat"].size(0) // FRAMES)
            sample["speech_token"] = sample["speech_token"][:groups * GROUP]
            sample["speech_feat"] = sample["speech_feat"][:groups * FRAMES]
            yield sample

    def batches(files):
        data = processor.parquet_opener({"src": str(f)} for f in files)
        data = processor.tokenize(data, lambda: whisper_tokenizer, "all")
        data = processor.filter(data, **limits)
        data = processor.resample(data, resample_rate=24000)
        data = processor.compute_fbank(data, mel, num_frames=PADDED)
        data = trim(processor.parse_embedding(data, normalize=True))
        data = processor.sort(data, sort_size=10 ** 9)
        return list(processor.padding(processor.batch(data, "dynamic", max_frames_in_batch=max_frames),
                                      use_spk_embedding=False))
    return batches


def our_batches(args, run, split, limits, tiktoken, scratch):
    config = scratch / "config.yaml"
    filters = dict(limits, text_tokenizer=str(tiktoken))
    config.write_text("preset: tiny\ndataset_conf:\n  max_frames_in_batch: %d\n  speaker_embedding: utt\n"
                      "  filter_conf: %s\n" % (args.max_frames, json.dumps(filters)))
    out = scratch / "ours"
    subprocess.run(["java", "-Xmx1g", "--enable-native-access=ALL-UNNAMED", "-cp", args.classpath,
                    "dev.flowtraining.trainer.data.DumpBatches", str(run), split, str(config), str(out)], check=True)
    with open(str(out) + ".safetensors", "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    types = {"F32": np.float32, "I64": np.int64}
    arrays = {k: np.frombuffer(data[slice(*v["data_offsets"])], types[v["dtype"]]).reshape(v["shape"])
              for k, v in header.items() if k != "__metadata__"}
    listed = json.load(open(str(out) + ".json"))
    batches = [dict(utts=utts, **{k: arrays["%d.%s" % (i, k)] for k in ("mel", "token", "token_len", "speaker")})
               for i, utts in enumerate(listed["batches"])]
    return batches, listed["dropped"]


def time_aligned(flat):
    """[a a b b b] groups of the flat order to rows of two ids."""
    group = np.asarray(flat).reshape(-1, GROUP)
    first = np.concatenate([group[:, :2], np.full((len(group), 1), 1024)], 1)
    return np.stack([first.reshape(-1), group[:, 2:].reshape(-1) + 1], 1)


def compare(ours, theirs, what):
    check(len(ours) == len(theirs) > 0, "%s: %d batches of ours, %d of CosyVoice" % (what, len(ours), len(theirs)))
    worst, total, count, worst_embedding, flat_tokens = 0.0, 0.0, 0, 0.0, 0
    for i, (a, b) in enumerate(zip(ours, theirs)):
        where = "%s, batch %d" % (what, i)
        check(sorted(a["utts"]) == sorted(b["utts"]), where + ": other utterances: %s, %s" % (a["utts"], b["utts"]))
        shape = tuple(b["speech_feat"].shape)
        check(a["mel"].shape == shape, where + ": mel is %s, %s" % (a["mel"].shape, shape))
        check(list(a["token_len"]) == sorted(a["token_len"], reverse=True), where + ": not longest first")
        for k, utt in enumerate(a["utts"]):
            j = b["utts"].index(utt)
            frames, flat = int(b["speech_feat_len"][j]), int(b["speech_token_len"][j])
            tokens = int(a["token_len"][k])
            check(2 * tokens == frames and tokens * GROUP == flat * 3, where + ": lengths of " + utt)
            expected = time_aligned(b["speech_token"][j][:flat])
            check(np.array_equal(a["token"][k][:tokens], expected), where + ": tokens of " + utt)
            flat_tokens += flat
            check(not a["token"][k][tokens:].any() and not a["mel"][k][frames:].any(), where + ": padding of " + utt)
            off = np.abs(a["mel"][k].astype(np.float64) - b["speech_feat"][j].numpy())
            worst, total, count = max(worst, off.max()), total + off[:frames].sum(), count + off[:frames].size
            embedding = np.abs(a["speaker"][k] - b["utt_embedding"][j].numpy()).max()
            worst_embedding = max(worst_embedding, embedding)
    mean = total / count
    check(worst <= LOG_MEL and mean <= MEAN_LOG_MEL, what + ": mel off by %g, mean %g" % (worst, mean))
    check(worst_embedding <= EMBEDDING, what + ": embedding off by %g" % worst_embedding)
    utts = [u for b in ours for u in b["utts"]]
    check(len(utts) == len(set(utts)), what + ": an utterance twice")
    print("ok: %s: %d batches, %d utterances, %d tokens, lengths and padding equal; mel within %.2g (mean %.2g), "
          "embedding within %.2g" % (what, len(ours), len(utts), flat_tokens, worst, mean, worst_embedding))
    return np.array([len(utts), len(ours), flat_tokens])


def kaldi(file):
    return dict(line.rstrip("\n").split(None, 1) for line in open(file, encoding="utf-8"))


def vector(text):
    return [float(v) for v in text.split()[1:-1]]


def other_forms(data, folder, utts):
    """Some utterances again, as other rates, channels and number types."""
    added = {}
    for i, (utt, (rate, channels, subtype, gain)) in enumerate(zip(utts, [
            (22050, 1, "PCM_16", 1), (44100, 2, "PCM_24", 1), (48000, 2, "FLOAT", 1), (24000, 1, "FLOAT", 2.5),
            (16000, 2, "PCM_32", 1), (32000, 1, "DOUBLE", 1)])):
        samples, old = torchaudio.load(data["wav.scp"][utt])
        samples = torchaudio.functional.resample(samples, old, rate).repeat(channels, 1)
        samples[-1] *= 0.5 if channels == 2 else 1
        if gain > 1:
            samples *= gain / samples.abs().max()
        added[utt + "-form%d" % i] = utt
        path = folder / (utt + "-form%d.wav" % i)
        soundfile.write(path, samples.T.numpy(), rate, subtype=subtype)
        data["wav.scp"][utt + "-form%d" % i] = str(path)
    for name in ("text", "utt2spk", "utt2embedding", "utt2speech_token"):
        data[name].update({new: data[name][old] for new, old in added.items()})
    return list(added)


def parquet_columns(file):
    """Path, types and levels, without what Arrow notes beside them."""
    schema = pyarrow.parquet.ParquetFile(file).schema
    columns = [schema.column(i) for i in range(len(schema))]
    return [(c.path, c.physical_type, str(c.logical_type), c.max_definition_level, c.max_repetition_level)
            for c in columns]


def run_of(folder, files):
    parquet = folder / "parquet/train"
    parquet.mkdir(parents=True)
    (parquet / "data.list").write_text("".join("%s\n" % f for f in files))
    return folder


def other_audio(file):
    """A 16 bit sample in the middle, 0.03 louder or less loud."""
    middle = len(file) // 4 * 2
    sample = struct.unpack_from("<h", file, middle)[0]
    return file[:middle] + struct.pack("<h", sample + (1000 if sample < 0 else -1000)) + file[middle + 2:]


def changed(values, at, difference):
    return [v + (difference if i == at else 0) for i, v in enumerate(values)]


def can_fail(args, file, loose, tiktoken, scratch):
    """Our loader reads a file with one change, CosyVoice's processors the one without."""
    expected = loose([file])
    rows = pandas.read_parquet(file)
    middle = len(rows) // 2
    for what, column, change in (
            ("a token", "speech_token", lambda v: changed(v, 0, 1 if v[0] < 1023 else -1)),
            ("a sample", "audio_data", other_audio),
            ("a number of an embedding", "utt_embedding", lambda v: changed(v, 7, 1e-3)), ("a row", None, None)):
        other = rows.copy()
        if column:
            other[column] = [change(v) if i == middle else v for i, v in enumerate(rows[column])]
        else:
            other = other.drop(index=middle)
        folder = scratch / what.replace(" ", "-")
        folder.mkdir()
        other.to_parquet(folder / "changed.parquet")
        mine, _ = our_batches(args, run_of(folder, [folder / "changed.parquet"]), "train", LOOSE, tiktoken, scratch)
        try:
            compare(mine, expected, what + " changed")
        except Difference as e:
            print("ok: it can fail: " + str(e)[:160])
        else:
            check(False, what + " was changed and not found")


def round_trip(args, split, tokenizer, tiktoken, scratch):
    """Steps 1 to 4; utterances, batches and tokens that were equal, in each direction."""
    checkout, run = args.cosyvoice, args.run_dir
    loose = upstream_pipeline(checkout, tokenizer, LOOSE, args.max_frames)
    scratch.mkdir()
    print("== " + split)

    # 1
    data = {n: kaldi(run / "data" / split / n) for n in
            ("wav.scp", "text", "utt2spk", "utt2embedding", "spk2embedding", "utt2speech_token")}
    ours = [run / line.strip() for line in open(run / "parquet" / split / "data.list")]
    kept = []
    for file in ours:
        for row in pandas.read_parquet(file).to_dict("records"):
            utt = row["utt"]
            check(row["audio_data"] == open(data["wav.scp"][utt], "rb").read(), "audio of " + utt)
            names = tuple(data[n][utt] for n in ("wav.scp", "text", "utt2spk"))
            check((row["wav"], row["text"], row["spk"]) == names, "names of " + utt)
            embedding = np.float32(vector(data["utt2embedding"][utt]))
            check(np.array_equal(np.float32(row["utt_embedding"]), embedding), "embedding of " + utt)
            tokens = [int(t) for t in data["utt2speech_token"][utt].split()]
            check(list(row["speech_token"]) == tokens, "tokens of " + utt)
            kept.append(utt)
    left_out = kaldi(run / "data" / split / "rejects-parquet")
    check(sorted(kept + list(left_out)) == sorted(data["wav.scp"]), "other utterances than in wav.scp")
    groups = sum(pyarrow.parquet.ParquetFile(f).num_row_groups for f in ours)
    print("ok: pandas %s, pyarrow %s: %d rows in %d files, %d row groups, as they were written"
          % (pandas.__version__, pyarrow.__version__, len(kept), len(ours), groups))

    # 2
    mine, dropped = our_batches(args, run, split, LOOSE, tiktoken, scratch)
    check(not dropped, "dropped: %s" % dropped)
    one_way = compare(mine, loose(ours), "our Parquet through CosyVoice's processors")
    check(one_way[0] == len(kept), "%d of %d utterances compared" % (one_way[0], len(kept)))

    # 3
    source, made = scratch / "src", scratch / "theirs"
    source.mkdir()
    made.mkdir()
    kept += other_forms(data, source, kept[5::17])
    for name in ("wav.scp", "text", "utt2spk"):
        (source / name).write_text("".join("%s %s\n" % (u, data[name][u]) for u in kept))
    (source / "instruct").write_text("".join("%s speak clearly\n" % u for u in kept))
    torch.save({u: vector(data["utt2embedding"][u]) for u in kept}, source / "utt2embedding.pt")
    torch.save({s: vector(v) for s, v in data["spk2embedding"].items()}, source / "spk2embedding.pt")
    torch.save({u: [int(t) for t in data["utt2speech_token"][u].split()] for u in kept}, source / "utt2speech_token.pt")
    subprocess.run([sys.executable, str(checkout / "tools/make_parquet_list.py"), "--num_utts_per_parquet", "100",
                    "--num_processes", "2", "--src_dir", str(source), "--des_dir", str(made)],
                   check=True, stderr=subprocess.DEVNULL)
    theirs = [pathlib.Path(line.strip()) for line in open(made / "data.list")]
    columns = parquet_columns(theirs[0])
    check(columns[-1][0] == "instruct", "the tool wrote no instruct column")
    for file in ours:
        check(parquet_columns(file) == columns[:-1], "%s: columns\n%s\ninstead of\n%s"
              % (file, parquet_columns(file), columns[:-1]))
    print("ok: our files have the Parquet columns of make_parquet_list.py: "
          + ", ".join("%s %s" % (path, physical) for path, physical, *_ in columns[:-1]))
    expected = loose(theirs)
    mine, dropped = our_batches(args, run_of(scratch / "a", theirs), "train", LOOSE, tiktoken, scratch)
    check(not dropped, "dropped: %s" % dropped)
    other_way = compare(mine, expected, "their Parquet (%d files) through ours" % len(theirs))
    check(other_way[0] == len(kept), "%d of %d utterances compared" % (other_way[0], len(kept)))
    again = []
    for i, file in enumerate(theirs):
        again.append(scratch / ("many-%d.parquet" % i))
        pandas.read_parquet(file).to_parquet(again[-1], row_group_size=7, compression="zstd")
    mine, _ = our_batches(args, run_of(scratch / "b", again), "train", LOOSE, tiktoken, scratch)
    compare(mine, expected, "the same with %d row groups and zstd"
            % sum(pyarrow.parquet.ParquetFile(f).num_row_groups for f in again))

    # 4
    mine, dropped = our_batches(args, scratch / "b", "train", NARROW, tiktoken, scratch)
    compare(mine, upstream_pipeline(checkout, tokenizer, NARROW, args.max_frames)(theirs), "narrow limits")
    used = sum(len(b["utts"]) for b in mine)
    check(used + len(dropped) == len(kept), "%d used, %d dropped of %d" % (used, len(dropped), len(kept)))
    reasons = [why.split(":")[0] for why in dropped.values()]
    print("ok: both filters leave out the same %d of %d: %s"
          % (len(dropped), len(kept), {r: reasons.count(r) for r in sorted(set(reasons))}))
    return np.array([one_way, other_way])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cosyvoice", type=pathlib.Path)
    parser.add_argument("run_dir", type=pathlib.Path)
    parser.add_argument("--classpath", required=True)
    parser.add_argument("--max-frames", type=int, default=2000)
    args = parser.parse_args()
    args.cosyvoice, args.run_dir = args.cosyvoice.absolute(), args.run_dir.absolute()
    sys.path[:0] = [str(args.cosyvoice)]
    torch.set_num_threads(1)
    import whisper
    from whisper.tokenizer import get_tokenizer
    tokenizer = get_tokenizer(multilingual=True, num_languages=100, language="en", task="transcribe")
    tiktoken = pathlib.Path(whisper.__file__).parent / "assets/multilingual.tiktoken"
    both = np.zeros((2, 3), int)
    with tempfile.TemporaryDirectory(prefix="round-trip-") as scratch:
        try:
            for split in ("train", "dev"):
                both += round_trip(args, split, tokenizer, tiktoken, pathlib.Path(scratch, split))
            small = args.run_dir / open(args.run_dir / "parquet/dev/data.list").readline().strip()
            loose = upstream_pipeline(args.cosyvoice, tokenizer, LOOSE, args.max_frames)
            can_fail(args, small, loose, tiktoken, pathlib.Path(scratch))
        except Difference as e:
            sys.exit("FAILED: %s" % e)
    for what, sums in zip(("ours through CosyVoice's processors", "theirs through ours"), both):
        print("equal: %s: %d utterances, %d batches, %d tokens" % (what, *sums))


if __name__ == "__main__":
    main()
