package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The process as the kubelet sees it: exit code and termination message. */
class FlowTrainerTest {
  @TempDir Path folder;
  private String output;

  private int run(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
        "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), FlowTrainer.class.getName()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("FLOWTRAINING_TERMINATION_LOG", folder.resolve("termination").toString());
    builder.environment().put("DJL_OFFLINE", "true");
    Process process = builder.start();
    output = new String(process.getInputStream().readAllBytes());
    return process.waitFor();
  }

  private JsonNode termination() throws IOException {
    return new ObjectMapper().readTree(folder.resolve("termination").toFile());
  }

  @Test
  void aConfigErrorIsOneLineAndExitCode2() throws Exception {
    Path config = Files.writeString(folder.resolve("own.yaml"), "preset: tiny\ntrain_conf:\n  max_epohc: 3\n");
    assertThat(run("train", "--run-dir", folder.resolve("run").toString(), "--config", config.toString())).as(output).isEqualTo(2);
    assertThat(output.lines().filter(l -> !l.startsWith("WARNING"))).hasSize(1);
    assertThat(output).contains("own.yaml line 3").contains("max_epoch");
    assertThat(termination().get("reason").asText()).isEqualTo("UnknownConfigKey");
    assertThat(termination().get("stage").asText()).isEqualTo("train");
    assertThat(termination().get("rank").asInt()).isZero();
  }

  @Test
  void wrongUsageIsExitCode2() throws Exception {
    assertThat(run("train")).as(output).isEqualTo(2);
    assertThat(output).contains("--run-dir");
    assertThat(termination().get("reason").asText()).isEqualTo("Usage");
  }

  @Test
  void trainingWithoutDataIsExitCode66() throws Exception {
    assertThat(run("train", "--run-dir", folder.resolve("run").toString(), "--preset", "tiny")).as(output).isEqualTo(66);
    assertThat(termination().get("reason").asText()).isEqualTo("NoData");
    assertThat(output).doesNotContain("\tat ");
  }

  @Test
  void modelsThatAreMissingAreExitCode66() throws Exception {
    assertThat(run("models", "check", folder.toString())).as(output).isEqualTo(66);
    assertThat(output).contains("campplus.onnx").contains("missing").doesNotContain("\tat ");
    assertThat(termination().get("reason").asText()).isEqualTo("ModelNotFound");
    assertThat(run("models", "dance", folder.toString())).as(output).isEqualTo(2);
    assertThat(run("models", "--help")).as(output).isZero();
    assertThat(output).contains("check DIR");
  }

  @Test
  void theCheckEndsWithTheReasonOfItsFirstMissingRow() throws Exception {
    assertThat(run("check", "--run-dir", folder.resolve("run").toString(), "--preset", "tiny", "--device", "cpu",
        "--min-free-disk", "900Ti")).as(output).isEqualTo(66);
    assertThat(output).contains("disk").contains("missing");
    assertThat(termination().get("reason").asText()).isEqualTo("InsufficientDisk");
    assertThat(run("check", "--run-dir", folder.resolve("run").toString(), "--preset", "tiny", "--device", "cpu",
        "--min-free-disk", "1Mi")).as(output).isZero();
  }
}
