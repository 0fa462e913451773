package dev.flowtraining.trainer.validate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parquet files after stage 3. */
class ValidateParquetTest {
  private static final int GROUPS = 16; // 1.92 s
  @TempDir Path run;
  private final Random random = new Random(7);

  private long[] tokens(int groups) {
    return LongStream.range(0, 5L * groups)
        .map(i -> i % 5 < 2 ? random.nextInt(1024) : 1024 + random.nextInt(4096)).toArray();
  }

  private double[] voice(int speaker) {
    Random fixed = new Random(speaker);
    double[] v = new double[192];
    Arrays.setAll(v, i -> fixed.nextGaussian() + 0.3 * random.nextGaussian());
    return v;
  }

  private UtteranceRow row(String utt, int seed, long[] tokens, double[] embedding) {
    return new UtteranceRow(utt, Sounds.wav(seed, 1.95), "/x/" + utt + ".wav", "some words", utt.substring(0, 1), embedding,
        new double[] {1}, tokens);
  }

  private UtteranceRow good(String utt, int seed) {
    return row(utt, seed, tokens(GROUPS), voice(utt.charAt(0)));
  }

  private static UtteranceRow complete(UtteranceRow r) {
    double[] speaker = new double[192];
    Arrays.fill(speaker, r.spk().charAt(0));
    return new UtteranceRow(r.utt(), r.audioData(), r.wav(), r.text(), r.spk(), r.uttEmbedding(), speaker, r.speechToken());
  }

  /** Writes rows, two a file, with their list of frames. */
  private void write(String split, List<UtteranceRow> rows) throws IOException {
    Path folder = Files.createDirectories(run.resolve("parquet").resolve(split));
    List<String> list = new ArrayList<>();
    List<String> frames = new ArrayList<>();
    for (int i = 0; i < rows.size(); i += 2) {
      String name = "parquet/%s/parquet_%09d.tar".formatted(split, i / 2);
      ParquetFile.write(run.resolve(name), rows.subList(i, Math.min(rows.size(), i + 2)).stream()
          .map(ValidateParquetTest::complete).toList());
      list.add(name);
    }
    rows.forEach(r -> frames.add(r.utt() + " " + 6 * GROUPS));
    Files.write(folder.resolve("data.list"), list);
    Files.write(folder.resolve("utt2num_frames"), frames);
  }

  private List<String> validate() throws Exception {
    return Sounds.validate(run, null, null);
  }

  @Test
  void goodRowsHaveNoFindingsAndTheirNumbersAreRight() throws Exception {
    write("train", List.of(good("a1", 1), good("a2", 2), good("b1", 3)));
    write("dev", List.of(good("a3", 4)));
    assertThat(validate()).isEmpty();
    JsonNode train = new ObjectMapper().readTree(run.resolve("validate/validate.json").toFile()).at("/splits/train");
    assertThat(train.at("/tokens/vq02/tokens").asInt()).isEqualTo(3 * 2 * GROUPS);
    assertThat(train.at("/tokens/vq06/tokens").asInt()).isEqualTo(3 * 3 * GROUPS);
    assertThat(train.at("/tokens/vq06/highest").asInt()).isLessThan(4096);
    assertThat(train.at("/tokens/melFrames").asInt()).isEqualTo(3 * 6 * GROUPS);
    assertThat(train.at("/speakers/0/speaker").asText()).isEqualTo("a");
    assertThat(train.at("/speakers/0/utterances").asInt()).isEqualTo(2);
    assertThat(train.at("/speakers/0/resemblance").asDouble()).isBetween(0.8, 1.0);
    assertThat(run.resolve("validate/tokens-per-second.png")).exists();
  }

  @Test
  void tokensThatCannotBeRight() throws Exception {
    Consumer<long[]> swap = t -> {
      long first = t[0];
      t[0] = t[2];
      t[2] = first;
    };
    long[] outOfOrder = tokens(GROUPS);
    swap.accept(outOfOrder);
    write("train", List.of(good("a1", 1),
        row("a2", 2, outOfOrder, voice('a')),
        row("a3", 3, Arrays.copyOf(tokens(GROUPS), 5 * GROUPS - 1), voice('a')),
        row("a4", 4, Arrays.stream(tokens(GROUPS)).map(t -> t + 65536).toArray(), voice('a')),
        row("a5", 5, new long[0], voice('a')),
        row("a6", 6, tokens(GROUPS - 3), voice('a')), // 0.39 s less than the audio, and not the frames that were promised
        row("a7", 7, tokens(3 * GROUPS), voice('a'))));
    assertThat(validate()).containsExactly("error bad-tokens a2", "error bad-tokens a3", "error bad-tokens a4",
        "error no-tokens a5", "warning tokens-drift a6", "error rows-do-not-match a6", "error tokens-of-other-audio a7");
    assertThat(run.resolve("validate/findings.tsv")).content().contains("subtract 65536").contains("not 2:3");
  }

  @Test
  void embeddingsThatCannotBeRight() throws Exception {
    double[] nan = voice('a');
    nan[3] = Double.NaN;
    write("train", List.of(good("a1", 1), row("a2", 2, tokens(GROUPS), new double[192]), row("a3", 3, tokens(GROUPS), nan),
        row("a4", 4, tokens(GROUPS), new double[] {1, 2})));
    assertThat(validate()).containsExactly("error bad-embedding a2", "error bad-embedding a3", "error bad-embedding a4");
  }

  @Test
  void aSpeakerOfManyVoices() throws Exception {
    List<UtteranceRow> rows = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      rows.add(good("a" + i, 10 + i));
      rows.add(good("b" + i, 20 + i));
      rows.add(row("c" + i, 30 + i, tokens(GROUPS), voice(i % 2))); // two voices under one name
    }
    write("train", rows);
    assertThat(validate()).containsExactly("warning mixed-voices c");
  }

  @Test
  void whatTrainingWillPassOver() throws Exception {
    UtteranceRow a2 = good("a2", 2);
    write("train", List.of(good("a1", 1), new UtteranceRow(a2.utt(), a2.audioData(), a2.wav(), "word ".repeat(300), a2.spk(),
        a2.uttEmbedding(), a2.spkEmbedding(), a2.speechToken())));
    assertThat(validate()).containsExactly("warning text-too-long a2", "warning left-out a2");
    assertThat(run.resolve("validate/findings.tsv")).content().contains("filter_conf");
  }

  @Test
  void rowsThatOccurTwiceAndListsOfAnotherRun() throws Exception {
    write("train", List.of(good("a1", 1), good("a2", 2), good("a2", 3), good("a4", 1)));
    write("dev", List.of(good("b1", 2)));
    assertThat(validate()).containsExactly("error duplicate-utterance a2", "warning duplicate-audio a4",
        "error train-dev-leakage b1");
    Path frames = run.resolve("parquet/train/utt2num_frames");
    Files.writeString(frames, Files.readString(frames).replaceFirst("a2", "other"));
    assertThat(validate()).contains("error rows-do-not-match a2");
  }

  @Test
  void aDamagedFileIsToldAndTheNextOneTaken() throws Exception {
    write("train", List.of(good("a1", 1), good("a2", 2), good("a3", 3), good("a4", 4), good("a5", 5), good("a6", 6)));
    Files.write(run.resolve("parquet/train/parquet_000000000.tar"), new byte[1000]);
    Files.delete(run.resolve("parquet/train/parquet_000000001.tar"));
    assertThat(validate()).containsExactly("error unreadable-parquet parquet_000000000.tar",
        "error unreadable-parquet parquet_000000001.tar");
    assertThat(run.resolve("validate/validate.json")).content().contains("\"utterances\" : 2");
  }
}
