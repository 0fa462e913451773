package dev.flowtraining.trainer.validate;

import static dev.flowtraining.trainer.validate.Sounds.wav;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A user's folder before any stage: everything that is wrong is told at once. */
class ValidateFolderTest {
  @TempDir Path folder;
  private final List<String> scp = new ArrayList<>();
  private final List<String> text = new ArrayList<>();
  private final List<String> utt2spk = new ArrayList<>();

  private void add(String utt, String words, byte[] wav) throws Exception {
    Files.createDirectories(folder.resolve("in"));
    Files.write(folder.resolve("in").resolve(utt + ".wav"), wav);
    scp.add(utt + " " + utt + ".wav");
    text.add(utt + " " + words);
    utt2spk.add(utt + " " + utt.charAt(0));
  }

  private List<String> validate(Path train, Path dev) throws Exception {
    return Sounds.validate(folder.resolve("run"), train, dev);
  }

  private Path written() throws Exception {
    Files.write(folder.resolve("in/wav.scp"), scp);
    Files.write(folder.resolve("in/text"), text);
    Files.write(folder.resolve("in/utt2spk"), utt2spk);
    return folder.resolve("in");
  }

  @Test
  void goodDataHasNoFindings() throws Exception {
    for (int i = 0; i < 4; i++) {
      add("a-" + i, "words number " + i, wav(i, 2));
    }
    assertThat(validate(written(), null)).isEmpty();
    assertThat(folder.resolve("run/validate/validate.html")).content().contains("nothing is wrong").doesNotContain("<script");
    assertThat(folder.resolve("run/validate/validate.json")).content().contains("\"ok\" : true").contains("\"utterances\" : 4");
    assertThat(Files.readAllBytes(folder.resolve("run/validate/duration.png"))).startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  void whateverIsWrongIsToldOnceWithItsKind() throws Exception {
    add("a-good", "words", wav(1, 2));
    add("a-again", "the same audio", wav(1, 2));
    add("b-silent", "words", wav(2, 2, x -> 0));
    add("b-clipped", "words", wav(3, 2, x -> 9 * x));
    add("b-quiet", "words", wav(4, 2, x -> 0.001 * x));
    add("b-short", "words", wav(5, 0.2));
    add("b-dots", "... !", wav(6, 2));
    add("b-broken-text", "w\uFFFDrds", wav(7, 2));
    add("b-fast", "word ".repeat(100), wav(8, 2));
    add("b-cut", "words", Arrays.copyOf(wav(9, 2), 900));
    add("b-none", "words", wav(10, 2));
    Files.delete(folder.resolve("in/b-none.wav"));
    scp.add("b-pipe sox x.wav - |");
    text.add("b-pipe words");
    utt2spk.add("b-pipe b");
    scp.add("lonely-key");
    scp.add("a-good a-again.wav");
    text.add("");
    assertThat(validate(written(), null)).containsExactlyInAnyOrder(
        "warning duplicate-audio a-good", // the order of Kaldi's files is by name
        "error silent b-silent", "warning clipped b-clipped", "warning quiet b-quiet", "error too-short b-short",
        "warning no-words b-dots", "warning damaged-text b-broken-text", "warning text-too-long b-fast",
        "error truncated-audio b-cut", "error missing-wav b-none", "error pipe b-pipe",
        "error malformed-line wav.scp:13", "error duplicate-utterance wav.scp:14", "error malformed-line text:13");
  }

  @Test
  void theSameAudioInTrainAndDevIsAnErrorWhateverItsName() throws Exception {
    add("a-0", "words", wav(0, 2));
    add("a-1", "words", wav(1, 2));
    Path dev = Files.createDirectories(folder.resolve("dev"));
    Files.write(dev.resolve("other.wav"), wav(1, 2));
    Files.writeString(dev.resolve("other.txt"), "words");
    assertThat(validate(written(), dev)).containsExactly("error train-dev-leakage other");
  }

  @Test
  void exitCode64NamesTheFirstErrorAndTheListHoldsAll() throws Exception {
    for (int i = 0; i < 25; i++) {
      add("a-%02d".formatted(i), "words", wav(i, 0.3));
    }
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    assertThatThrownBy(() -> Sounds.validate(folder.resolve("run"), written(), null, new PrintStream(printed)))
        .isInstanceOfSatisfying(StageFailure.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA))
        .hasMessageContaining("25 error(s)").hasMessageContaining("a-00").hasMessageContaining("findings.tsv");
    assertThat(printed.toString(StandardCharsets.UTF_8).lines().filter(l -> l.contains("too-short: "))).hasSize(10);
    assertThat(Files.readAllLines(folder.resolve("run/validate/findings.tsv"))).hasSize(26);
  }

  @Test
  void whatIsNotThereIsExitCode66() {
    assertThatThrownBy(() -> validate(folder.resolve("none"), null)).isInstanceOfSatisfying(StageFailure.class,
        e -> assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING)).hasMessageContaining("--train");
    assertThatThrownBy(() -> validate(null, null)).isInstanceOfSatisfying(StageFailure.class,
        e -> assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING)).hasMessageContaining("stages 0-3");
  }
}
