package dev.flowtraining.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Every path of a run, written once. All stages meet only in this directory. */
public record RunLayout(Path root) {

  public Path runJson() {
    return root.resolve("run.json");
  }

  /** Locked by the process that works in the directory; {@code run.lock.json} beside it says who that is. */
  public Path runLock() {
    return root.resolve("run.lock");
  }

  /** The record that a stage leaves at its end, such as {@code parquet.json}. */
  public Path stageRecord(Stage stage) {
    return root.resolve(stage.id() + ".json");
  }

  /** {@code train} or {@code dev}: Kaldi files {@code wav.scp text utt2spk utt2dur}, and what the stages add to them. */
  public Path data(String split) {
    return root.resolve("data").resolve(split);
  }

  /** {@code utt reason detail} of what a stage leaves out: {@code rejects} of stage 0, {@code rejects-parquet} and so on. */
  public Path rejects(String split, Stage stage) {
    return data(split).resolve(stage == Stage.PREPARE_DATA ? "rejects" : "rejects-" + stage.id());
  }

  /** {@code utt [ f f f … ]}, 192 floats. */
  public Path utt2embedding(String split) {
    return data(split).resolve("utt2embedding");
  }

  /** {@code spk [ f f f … ]}, the unnormalised mean over the speaker's utterances. */
  public Path spk2embedding(String split) {
    return data(split).resolve("spk2embedding");
  }

  /** {@code utt id id id …}, the flat 2:3 interleave of vq02 and vq06 (+1024). */
  public Path utt2speechToken(String split) {
    return data(split).resolve("utt2speech_token");
  }

  /** The codebooks that stage 2 fitted when the tokenizer is the built-in one. */
  public Path codebooks() {
    return root.resolve("tokenizer");
  }

  /** {@code parquet/train}, {@code parquet/dev}. */
  public Path parquet(String split) {
    return root.resolve("parquet").resolve(split);
  }

  /** One Parquet path per line, relative to the run directory. */
  public Path dataList(String split) {
    return parquet(split).resolve("data.list");
  }

  /** Where a rank's cache of mels is while it runs. */
  public Path melCache() {
    return root.resolve("mel-cache");
  }

  public Path experiment() {
    return root.resolve("exp").resolve("flow_model");
  }

  /** An attempt writes only here, so that a zombie of an older attempt can harm nothing. */
  public Path attempt(int attempt) {
    return experiment().resolve("attempt-" + attempt);
  }

  /** The folders that attempts have written, in their order. */
  public List<Path> attempts() throws IOException {
    if (!Files.isDirectory(experiment())) {
      return List.of();
    }
    try (Stream<Path> folders = Files.list(experiment())) {
      return folders.filter(f -> Files.isDirectory(f) && f.getFileName().toString().matches("attempt-[0-9]{1,9}"))
          .sorted(Comparator.comparingInt(f -> Integer.parseInt(f.getFileName().toString().substring(8)))).toList();
    }
  }

  public Path trainLog() {
    return experiment().resolve("train.log");
  }

  /** One JSON object per line: the curve that the report draws. */
  public Path metrics() {
    return experiment().resolve("metrics.jsonl");
  }

  /** Which tensors training took from {@code --init}, and which it did not. */
  public Path initialWeights() {
    return experiment().resolve("init.json");
  }

  /** What the model that training started from reaches on the held-out utterances. */
  public Path baseLoss() {
    return experiment().resolve("base.json");
  }

  /** What TensorBoard shows of an attempt; it reads the folder's files in the order of their names. */
  public Path tensorBoard(int attempt) {
    return root.resolve(String.format("tensorboard/flow_model/events.out.tfevents.attempt-%04d", attempt));
  }

  /** What a probe made of the held-out utterances: {@code <n>_<utt>.png} and {@code .wav}. */
  public Path probe(long step) {
    return probes().resolve(String.format("step_%08d", step));
  }

  public Path probes() {
    return experiment().resolve("probes");
  }

  public Path averaged() {
    return experiment().resolve("flow_averaged.pt");
  }

  /** What {@code flow-trainer validate} found. */
  public Path validation() {
    return root.resolve("validate");
  }

  public Path export() {
    return root.resolve("export");
  }

  public Path artifactsJson() {
    return export().resolve("artifacts.json");
  }
}
