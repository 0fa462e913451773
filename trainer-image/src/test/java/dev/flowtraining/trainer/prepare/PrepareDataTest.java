package dev.flowtraining.trainer.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.data.Stages;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrepareDataTest {
  @TempDir Path folder;
  private Path train;
  private Path run;

  /** Ten good utterances of two speakers. */
  @BeforeEach
  void input() throws IOException {
    train = Files.createDirectories(folder.resolve("in"));
    run = folder.resolve("run");
    StringBuilder scp = new StringBuilder();
    StringBuilder text = new StringBuilder();
    for (int i = 9; i >= 0; i--) {
      Files.write(train.resolve(i + ".wav"), wav(1 + i / 10f));
      scp.append("s%d_%d %d.wav\n".formatted(i % 2, i, i));
      text.append("s%d_%d text of %d\n".formatted(i % 2, i, i));
    }
    Files.writeString(train.resolve("wav.scp"), scp);
    Files.writeString(train.resolve("text"), text);
  }

  @Test
  void writesKaldiFolders() throws Exception {
    StageTask.Result result = run(1, 0.2);
    assertThat(result.counts()).containsEntry("trainUtterances", 8).containsEntry("devUtterances", 2)
        .containsEntry("speakers", 2).containsEntry("rejected", 0);
    List<String> scp = lines("train/wav.scp");
    assertThat(scp).hasSize(8).isSortedAccordingTo(Comparator.naturalOrder())
        .allMatch(l -> Files.exists(Path.of(l.split(" ", 2)[1])) && l.split(" ", 2)[1].startsWith("/"));
    assertThat(lines("dev/utt2spk")).extracting(l -> l.split(" ")[1]).containsExactlyInAnyOrder("s0", "s1");
    assertThat(lines("train/spk2utt")).hasSize(2).allMatch(l -> l.split(" ").length == 5);
    for (String l : lines("train/utt2dur")) {
      int i = Integer.parseInt(l.split(" ")[0].substring(3));
      assertThat(Double.parseDouble(l.split(" ")[1])).isCloseTo(1 + i / 10.0, offset(1e-3));
    }
    assertThat(lines("train/rejects")).isEmpty();

    Path before = run;
    run = folder.resolve("again");
    assertThat(run(1, 0.2).outputHash()).isEqualTo(result.outputHash());
    for (String f : List.of("wav.scp", "text", "utt2spk", "spk2utt", "utt2dur")) {
      assertThat(lines("train/" + f)).isEqualTo(Files.readAllLines(before.resolve("data/train/" + f)));
    }
  }

  @Test
  void rejectsEachBadUtteranceWithItsReason() throws Exception {
    byte[] good = wav(1);
    byte[] streamed = good.clone();
    Arrays.fill(streamed, 40, 44, (byte) 0xFF);
    Path flac = Path.of(getClass().getResource("/audio/flac16_16000_1ch.flac").toURI());
    bad("missing", null, "t");
    bad("truncated", Arrays.copyOf(good, good.length - 10), "t");
    bad("headless", new byte[0], "t");
    bad("zero", Wav.encode(new Waveform(new float[0], 16_000)), "t");
    bad("silent", Wav.encode(new Waveform(new float[16_000], 16_000)), "t");
    bad("short", wav(0.1f), "t");
    bad("long", wav(3), "t");
    bad("wordless", good, "");
    bad("flac", Files.readAllBytes(flac), "t");
    append("wav.scp", "early | touch " + folder.resolve("ran") + "\n");
    append("text", "early t\n");
    bad("streamed", streamed, "t");
    append("wav.scp", "piped touch " + folder.resolve("ran") + " |\n");
    append("text", "piped t\n");
    append("wav.scp", "untold 1.wav\n");
    append("text", "unheard words\n");

    StageTask.Result result = run(1, 0.2);

    assertThat(lines("train/rejects")).extracting(l -> String.join(" ", Arrays.copyOf(l.split(" "), 2)))
        .containsExactly("early pipe", "flac wrong-extension", "headless not-audio", "long too-long",
            "missing missing-wav", "piped pipe", "short too-short", "silent silent",
            "streamed unknown-length", "truncated truncated-audio", "unheard missing-wav", "untold missing-text",
            "wordless empty-text", "zero zero-samples");
    assertThat(result.counts()).containsEntry("trainUtterances", 8).containsEntry("rejected", 14);
    assertThat(folder.resolve("ran")).doesNotExist();
  }

  @Test
  void releasedModelsWantSixteenKilohertz() throws Exception {
    Files.write(train.resolve("4.wav"), Wav.encode(new Waveform(new float[8000], 8000)));
    StageTask.Result result = new PrepareData().run(
        Stages.context(run, Stages.options(train, null, 0.2, null, "campplus.onnx", "builtin"), 1));
    assertThat(result.counts()).containsEntry("rejected", 1);
    assertThat(lines("train/rejects")).singleElement().asString()
        .contains("low-sample-rate", "8000 Hz", "16000 Hz and more", "'builtin'");
  }

  @Test
  void builtinModelsTakeAnyRate() throws Exception {
    float[] tone = new float[8000];
    for (int i = 0; i < tone.length; i++) {
      tone[i] = (float) Math.sin(i * 0.2) / 2;
    }
    Files.write(train.resolve("4.wav"), Wav.encode(new Waveform(tone, 8000)));
    assertThat(run(0, 0.2).counts()).containsEntry("rejected", 0).containsEntry("below16kHz", 1);
  }

  @Test
  void failsWithTooManyRejects() throws IOException {
    bad("missing", null, "t");
    assertFails(ExitCode.BAD_DATA, "TooManyRejects", "1 of 11", "missing-wav 1", "train/rejects");
    assertThat(run.resolve("data/train/rejects")).content().startsWith("missing missing-wav");
  }

  @Test
  void failsOnDuplicatesAndMalformedLines() throws IOException {
    append("wav.scp", "s0_4 4.wav\n");
    assertFails(ExitCode.BAD_DATA, "DuplicateUtterance", "wav.scp:11", "s0_4");
    Files.writeString(train.resolve("wav.scp"), "a 1.wav\njustaname\n");
    assertFails(ExitCode.BAD_DATA, "MalformedLine", "wav.scp:2", "justaname");
    Files.writeString(train.resolve("wav.scp"), "a 1.wav\n\nb 2.wav\n");
    assertFails(ExitCode.BAD_DATA, "MalformedLine", "wav.scp:2", "blank");
    Files.writeString(train.resolve("utt2spk"), "a anna\nb ben li\n");
    Files.writeString(train.resolve("wav.scp"), "a 1.wav\nb 2.wav\n");
    assertFails(ExitCode.BAD_DATA, "MalformedLine", "utt2spk:2", "'ben li'", "ben_li");
    Files.delete(train.resolve("utt2spk"));
    Files.write(train.resolve("text"), new byte[] {'a', ' ', 'b', '\n', 'c', ' ', (byte) 0xE9, '\n'});
    Files.writeString(train.resolve("wav.scp"), "a 1.wav\n");
    assertFails(ExitCode.BAD_DATA, "MalformedLine", "text:2", "UTF-8");
  }

  @Test
  void failsWithNothingThere() throws IOException {
    Files.writeString(train.resolve("wav.scp"), "");
    Files.writeString(train.resolve("text"), "");
    assertFails(ExitCode.BAD_DATA, "NoData", "train");
    Files.delete(train.resolve("text"));
    assertFails(ExitCode.MISSING, "DataNotFound", "has wav.scp but no text");
    train = folder.resolve("nowhere");
    assertFails(ExitCode.MISSING, "DataNotFound", "nowhere");
  }

  @Test
  void inputHashFollowsTheFiles() throws Exception {
    String before = hash();
    assertThat(hash()).isEqualTo(before);
    Files.write(train.resolve("3.wav"), wav(1.9f));
    String after = hash();
    assertThat(after).isNotEqualTo(before);
    Files.writeString(train.resolve("text"), Files.readString(train.resolve("text")).replace("text of 3", "other"));
    assertThat(hash()).isNotEqualTo(after);
  }

  @Test
  void mapsPathPrefixes() throws Exception {
    Files.writeString(train.resolve("wav.scp"),
        Files.readString(train.resolve("wav.scp")).replaceAll(" (\\d)", " /corpus/$1"));
    StageTask.Result result = new PrepareData().run(
        Stages.context(run, Stages.options(train, null, 0.2, "/corpus=" + train), 0.0));
    assertThat(result.counts()).containsEntry("trainUtterances", 8);
    PathPrefix prefix = PathPrefix.of("/data=/mnt");
    assertThat(prefix.map("/data/1.wav")).isEqualTo("/mnt/1.wav");
    assertThat(prefix.map("/database/1.wav")).isEqualTo("/database/1.wav");
    assertThat(PathPrefix.of("/data/=/mnt/").map("/data/1.wav")).isEqualTo("/mnt/1.wav");
  }

  @Test
  void aByteOrderMarkIsNoPartOfTheFirstName() throws Exception {
    for (String file : List.of("wav.scp", "text")) {
      Files.writeString(train.resolve(file), "\uFEFF" + Files.readString(train.resolve(file)));
    }
    assertThat(run(0, 0.2).counts()).containsEntry("trainUtterances", 8).containsEntry("rejected", 0);
    assertThat(String.join("", lines("train/text"))).doesNotContain("\uFEFF");
  }

  @Test
  void readsAFolderOfAudio() throws Exception {
    Path audio = folder.resolve("audio");
    for (String name : List.of("anna/one", "anna/two", "ben/one", "ben/two", "carl_1", "carl_2")) {
      Files.createDirectories(audio.resolve(name).getParent());
      Files.write(audio.resolve(name + (name.equals("carl_2") ? ".WAV" : ".wav")), wav(1));
      Files.writeString(audio.resolve(name + ".txt"), "words\n of " + name + "\n");
    }
    Files.writeString(audio.resolve("song.mp3"), "x");
    for (String name : List.of("flac16_44100_2ch.flac", "cbr_24000_1ch.mp3", "opus_16000_1ch.opus")) {
      Files.write(audio.resolve(name), Files.readAllBytes(Path.of(getClass().getResource("/audio/" + name).toURI())));
      Files.writeString(audio.resolve(name.substring(0, name.indexOf('.')) + ".txt"), "a tenth of a second");
    }
    train = audio;
    StageTask.Result result = run(1, 0.34);
    assertThat(result.counts()).containsEntry("speakers", 3).containsEntry("rejected", 4);
    assertThat(lines("train/rejects")).hasSize(4).filteredOn(l -> l.contains(" too-short ") && l.contains(": 0.1 s"))
        .extracting(l -> l.split("_")[0]).containsExactly("cbr", "flac16", "opus");
    List<String> both = new ArrayList<>(lines("train/utt2spk"));
    both.addAll(lines("dev/utt2spk"));
    assertThat(both).containsExactlyInAnyOrder("anna-one anna", "anna-two anna", "ben-one ben", "ben-two ben",
        "carl_1 carl", "carl_2 carl");
    assertThat(lines("dev/text")).hasSize(2).allMatch(l -> l.contains("words of "));
  }

  @Test
  void aGivenDevSetMustNotOverlap() throws IOException {
    assertThatThrownBy(() -> new PrepareData().run(Stages.context(run, Stages.options(train, train, null, null), 0.0)))
        .isInstanceOfSatisfying(StageFailure.class, e -> assertThat(e.reason()).isEqualTo("DuplicateUtterance"));
  }

  @Test
  void devSplitIsStableAndKeepsSpeakers() {
    List<Utterance> all = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      all.add(new Utterance("u" + i, Path.of("x"), "t", "s" + (i < 3 ? i : 3 + i % 5)));
    }
    DevSplit split = DevSplit.of(all, 0.1);
    assertThat(split.dev()).hasSize(10);
    assertThat(split.train().stream().map(u -> u.spk()).distinct()).hasSize(8);
    assertThat(DevSplit.of(all, 0.1)).isEqualTo(split);
    assertThat(DevSplit.of(all.subList(0, 3), 0.01).dev()).hasSize(1);
  }

  private void assertFails(ExitCode code, String reason, String... parts) {
    assertThatThrownBy(() -> run(0.01, 0.2)).isInstanceOfSatisfying(StageFailure.class, e -> {
      assertThat(e.reason()).isEqualTo(reason);
      assertThat(e.exitCode()).isEqualTo(code);
      assertThat(e).hasMessageContainingAll(parts);
    });
  }

  private StageTask.Result run(double maxRejects, double devFraction) throws IOException, InterruptedException {
    return new PrepareData().run(Stages.context(run, Stages.options(train, null, devFraction, null), maxRejects));
  }

  private String hash() throws IOException {
    return new PrepareData().inputHash(Stages.context(run, Stages.options(train, null, 0.2, null), 0.0));
  }

  private List<String> lines(String file) throws IOException {
    return Files.readAllLines(run.resolve("data").resolve(file));
  }

  private void bad(String utt, byte[] wav, String text) throws IOException {
    if (wav != null) {
      Files.write(train.resolve(utt + ".wav"), wav);
    }
    append("wav.scp", utt + " " + utt + ".wav\n");
    append("text", (utt + " " + text).strip() + "\n");
  }

  private void append(String file, String line) throws IOException {
    Files.writeString(train.resolve(file), line, StandardOpenOption.APPEND);
  }

  private static byte[] wav(float seconds) {
    float[] samples = new float[Math.round(seconds * 16_000)];
    for (int i = 0; i < samples.length; i++) {
      samples[i] = (float) Math.sin(i * 0.1) / 2;
    }
    return Wav.encode(new Waveform(samples, 16_000));
  }
}
