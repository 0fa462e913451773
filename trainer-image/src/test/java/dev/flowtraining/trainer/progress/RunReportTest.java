package dev.flowtraining.trainer.progress;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.Stage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RunReportTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final Clock clock = new Clock() {
    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  };

  private RunReport report(boolean terminal) {
    return new RunReport("uid-1", 2, new PrintStream(out, true), terminal, Optional.empty(), clock);
  }

  private List<String> lines() {
    return out.toString().lines().toList();
  }

  @Test
  void aLineSaysStageAttemptTimeAndFraction() throws IOException {
    report(false).update(Stage.TRAIN, 0.25, "epoch 1/4", Map.of("epoch", 1, "step", 30, "loss", 1.5));
    JsonNode line = new ObjectMapper().readTree(lines().getFirst());
    assertThat(line.get("runId").asText()).isEqualTo("uid-1");
    assertThat(line.get("stage").asText()).isEqualTo("train");
    assertThat(line.get("attempt").asInt()).isEqualTo(2);
    assertThat(line.get("time").asText()).isEqualTo("2026-01-01T00:00:00Z");
    assertThat(line.get("fraction").asDouble()).isEqualTo(0.25);
    assertThat(line.get("loss").asDouble()).isEqualTo(1.5);
  }

  @Test
  void linesComeEveryTenSecondsAndAtBothEnds() {
    RunReport report = report(false);
    for (int second = 0; second <= 35; second++) {
      report.update(Stage.PARQUET, second / 100.0, "file " + second);
      now = now.plusSeconds(1);
    }
    report.update(Stage.PARQUET, 1, "done");
    report.update(Stage.TRAIN, 0, "started");
    assertThat(lines()).hasSize(4 + 2);
    assertThat(lines().getLast()).contains("\"stage\":\"train\"");
  }

  @Test
  void theCompletionIsEstimatedFromThePaceOfThisStart() throws IOException {
    RunReport report = report(false);
    report.update(Stage.TRAIN, 0.5, "resumed");
    now = now.plus(Duration.ofSeconds(100));
    report.update(Stage.TRAIN, 0.6, "on");
    assertThat(new ObjectMapper().readTree(lines().getLast()).get("estimatedCompletion").asText())
        .isEqualTo(now.plusSeconds(400).toString());
  }

  @Test
  void aTerminalGetsABarAndSpokenLinesDoNotCutIt() {
    RunReport report = report(true);
    report.update(Stage.TRAIN, 0.5, "half");
    report.say("hello");
    assertThat(out.toString()).contains("train").contains("[" + "#".repeat(15) + " ".repeat(15) + "]").contains("50%");
    assertThat(lines().getLast()).isEqualTo("hello");
  }

  @Test
  void whatWasSaidStaysSaidUntilTheNextStage() {
    RunReport report = report(false);
    report.update(Stage.TRAIN, 0.5, "", Map.of("loss", 1.5));
    report.update(Stage.TRAIN, 1, "done");
    assertThat(lines().getLast()).contains("\"loss\":1.5");
    report.update(Stage.AVERAGE, 0, "started");
    assertThat(lines().getLast()).doesNotContain("loss");
  }

  @Test
  void theLastStepIsRemembered() {
    RunReport report = report(false);
    assertThat(report.step()).isEmpty();
    report.update(Stage.TRAIN, 0.1, "", Map.of("step", 7));
    report.update(Stage.TRAIN, Double.NaN, "", Map.of());
    assertThat(report.step()).contains(7L);
  }

  @Test
  void aTerminationMessageIsJsonOfAtMost4096Bytes() throws IOException {
    for (String message : List.of("short", "long ".repeat(2000), "ä\"\n😀".repeat(2000), "x".repeat(1_000_000))) {
      byte[] json = new TerminationMessage("train", 1, "PeerLost", message, 40L).json();
      assertThat(json.length).isLessThanOrEqualTo(4096);
      JsonNode node = new ObjectMapper().readTree(json);
      assertThat(node.get("reason").asText()).isEqualTo("PeerLost");
      assertThat(message).startsWith(node.get("message").asText().replaceFirst("…$", ""));
      assertThat(node.get("step").asLong()).isEqualTo(40);
      assertThat(node.get("rank").asInt()).isEqualTo(1);
    }
  }
}
