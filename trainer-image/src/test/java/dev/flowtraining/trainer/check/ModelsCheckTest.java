package dev.flowtraining.trainer.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.models.ReleasedFiles;
import dev.flowtraining.trainer.models.TokenizerFolder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelsCheckTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  @TempDir Path folder;

  private Path flow() throws IOException {
    return Files.createDirectories(folder.resolve("Step-Audio-EditX").resolve("CosyVoice-300M-25Hz"));
  }

  private void run() {
    new ModelsCheck(folder, "cpu").run(new PrintStream(out, true));
  }

  private StageFailure failure() {
    StageFailure failure = catchThrowableOfType(StageFailure.class, this::run);
    assertThat(failure).as("the table was\n" + out).isNotNull();
    assertThat(failure.exitCode()).isEqualTo(ExitCode.MISSING);
    return failure;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void modelsThatAreThereRun(boolean torch) throws IOException {
    ReleasedFiles.tokenizer(folder.resolve(TokenizerFolder.NAME), torch);
    Files.copy(Fixtures.file("onnx_stubs/campplus_stub.onnx"), flow().resolve("campplus.onnx"));
    Files.copy(Fixtures.file("tiny/flow.pt"), flow().resolve("flow.pt"));
    Files.copy(Path.of("src/test/resources/hift/hift.pt"), flow().resolve("hift.pt"));
    run();
    assertThat(out.toString().lines().filter(l -> l.contains("1 s of audio in"))).hasSize(4);
    assertThat(out.toString()).contains("campplus.onnx", "[?, ?, 80]", "linguistic_tokenizer.npy", "am.mvn",
        torch ? "torch on cpu, " : "ONNX, ", torch ? "model.pt" : "sanm_chunk.onnx").doesNotContain("missing", "warn");
  }

  @Test
  void everyMissingFileIsNamed() {
    StageFailure failure = failure();
    assertThat(failure.reason()).isEqualTo("ModelNotFound");
    assertThat(failure).hasMessageContaining("campplus.onnx").hasMessageContaining("linguistic_tokenizer.npy")
        .hasMessageContaining("speech_tokenizer_v1.onnx").hasMessageContaining("am.mvn")
        .hasMessageContaining("model.pt");
    assertThat(out.toString()).contains("not in " + folder).contains("flow.pt");
  }

  @Test
  void whatDoesNotRunIsNamed() throws IOException {
    ReleasedFiles.tokenizer(folder, true);
    Files.writeString(flow().resolve("campplus.onnx"), "no model");
    Files.writeString(folder.resolve("speech_tokenizer_v1.onnx"), "no model");
    StageFailure failure = failure();
    assertThat(failure.reason()).isEqualTo("ModelUnreadable");
    assertThat(failure).hasMessageContaining("campplus.onnx").hasMessageContaining("1 more: speech_tokenizer_v1.onnx");
  }

  @Test
  void aFolderThatIsNone() {
    folder = folder.resolve("nowhere");
    assertThat(failure().reason()).isEqualTo("ModelNotFound");
  }
}
