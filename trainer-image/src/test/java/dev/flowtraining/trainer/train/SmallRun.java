package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.ExampleLoader;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** A run directory as stage 3 leaves it: chirps as speech, and tokens that tell their pitch. */
public final class SmallRun {
  private static final int RATE = 16_000;
  private static final int FILES = 3;

  final Path dir;
  /** As {@code --vocoder} names it. */
  String vocoder = "builtin";

  private SmallRun(Path dir) {
    this.dir = dir;
  }

  public static SmallRun create(Path dir, int train, int dev, String config) throws IOException {
    SmallRun run = new SmallRun(dir);
    RunLayout layout = new RunLayout(dir);
    run.write(layout, "train", train);
    run.write(layout, "dev", dev);
    new StageRecord(Stage.PARQUET.id(), "in", "out", Map.of(), 0, Map.of(), "").write(layout);
    Files.writeString(run.config(), "preset: tiny\n" + config);
    return run;
  }

  public static SmallRun at(Path dir) {
    return new SmallRun(dir);
  }

  /** The losses of the steps as written, the last line of a step counts. */
  Map<Long, String> losses() throws IOException {
    Map<Long, String> losses = new TreeMap<>();
    for (JsonNode line : metrics("step")) {
      losses.put(line.get("step").asLong(), line.get("loss").asText());
    }
    return losses;
  }

  List<JsonNode> metrics(String event) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    Path file = new RunLayout(dir).metrics();
    for (String line : Files.exists(file) ? Files.readAllLines(file) : List.<String>of()) {
      JsonNode json = new ObjectMapper().readTree(line);
      if (json.get("event").asText().equals(event)) {
        lines.add(json);
      }
    }
    return lines;
  }

  public Path config() {
    return dir.resolve("config.yaml");
  }

  public FlowConfig flowConfig() {
    return ConfigLoader.load(null, config());
  }

  StageContext context(Ranks ranks, String resumeFrom, Progress progress) {
    return context(ranks, "builtin", resumeFrom, progress);
  }

  StageContext startingFrom(Path init) {
    return context(Ranks.of(Map.of()), init.toString(), null, Progress.NONE);
  }

  private StageContext context(Ranks ranks, String init, String resumeFrom, Progress progress) {
    Path deepSpeed = dir.resolve("ds.json");
    boolean uses = Files.exists(deepSpeed);
    StageOptions options = new StageOptions(null, null, null, null, "builtin", "builtin", init, vocoder,
        uses ? "deepspeed" : "torch_ddp", uses ? deepSpeed : null, "cpu", resumeFrom, 5, "last", Duration.ofSeconds(60));
    return new StageContext(new RunLayout(dir), flowConfig(), options, ranks, progress);
  }

  StageContext resuming(String checkpoint) {
    return context(Ranks.of(Map.of()), checkpoint, Progress.NONE);
  }

  StageContext alone() {
    return context(Ranks.of(Map.of()), null, Progress.NONE);
  }

  private void write(RunLayout layout, String split, int count) throws IOException {
    Files.createDirectories(layout.parquet(split));
    StringBuilder list = new StringBuilder();
    StringBuilder lengths = new StringBuilder();
    for (int file = 0; file < FILES; file++) {
      List<UtteranceRow> rows = new ArrayList<>();
      for (int i = file; i < count; i += FILES) {
        UtteranceRow row = row(split, i);
        rows.add(row);
        int samples = (row.audioData().length - 44) / 2;
        lengths.append(row.utt()).append(' ')
            .append(ExampleLoader.frames(samples, RATE, row.speechToken().length)).append('\n');
      }
      if (!rows.isEmpty()) {
        Path path = layout.parquet(split).resolve("parquet_%09d.tar".formatted(file));
        ParquetFile.write(path, rows);
        list.append(dir.relativize(path)).append('\n');
      }
    }
    Files.writeString(layout.dataList(split), list);
    Files.writeString(layout.parquet(split).resolve("utt2num_frames"), lengths);
  }

  private static UtteranceRow row(String split, int index) {
    Random random = new Random((split + index).hashCode());
    int groups = 5 + random.nextInt(8); // of 120 ms
    int pitch = 1 + random.nextInt(20);
    long[] tokens = new long[5 * groups];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = i % 5 < 2 ? pitch : 1024 + pitch;
    }
    double[] speaker = new double[192];
    for (int i = 0; i < speaker.length; i++) {
      speaker[i] = random.nextGaussian();
    }
    String utt = "%s-%03d".formatted(split, index);
    return new UtteranceRow(utt, wav(groups * RATE * 120 / 1000, 100 * pitch), utt + ".wav", "beep", "spk", speaker,
        speaker, tokens);
  }

  private static byte[] wav(int samples, double hertz) {
    ByteBuffer wav = ByteBuffer.allocate(44 + 2 * samples).order(ByteOrder.LITTLE_ENDIAN);
    wav.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + 2 * samples)
        .put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16).putShort((short) 1).putShort((short) 1)
        .putInt(RATE).putInt(2 * RATE).putShort((short) 2).putShort((short) 16)
        .put("data".getBytes(StandardCharsets.US_ASCII)).putInt(2 * samples);
    for (int i = 0; i < samples; i++) {
      wav.putShort((short) (12_000 * Math.sin(2 * Math.PI * hertz * i / RATE)));
    }
    return wav.array();
  }
}
