package dev.flowtraining.operator.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressTest {

  private static final String START = "{\"stage\":\"train\",\"attempt\":1,\"time\":\"2026-07-01T12:00:00Z\"";

  @Test
  void readsWhatIsThere() {
    Progress progress = Progress.parse(Map.of(
        "progress.json", START + ",\"fraction\":0.5,\"loss\":1.500004321,\"somethingNew\":1,\"checkpoint\":"
            + "{\"path\":\"exp/flow_model/attempt-1/epoch_3_whole.pt\",\"step\":120,\"epoch\":3}}",
        "stage-parquet.json",
        "{\"stage\":\"parquet\",\"counts\":{\"shards\":3,\"melL1\":1.5255863804288594,\"utterances\":40},\"seconds\":7.2}",
        "artifacts.json", "[{\"name\":\"flow.pt\",\"path\":\"export/flow.pt\",\"bytes\":5,\"sha256\":\"" + "a"
            .repeat(64) + "\"}]"));
    assertThat(progress.report().orElseThrow().loss()).isEqualTo(1.5);
    assertThat(progress.records()).isEqualTo(Map.of(Stage.PARQUET, "shards 3, melL1 1.5256, utterances 40, 7 s"));
    assertThat(progress.artifacts()).hasSize(1);
    assertThat(progress.dropped()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "not json", "[]", "null", "{}",
      START + "}",
      START + ",\"fraction\":1.5}",
      START + ",\"fraction\":-0.1}",
      START + ",\"fraction\":\"NaN\"}",
      START + ",\"fraction\":0.5,\"loss\":\"Infinity\"}",
      START + ",\"fraction\":0.5,\"epoch\":-1}",
      START + ",\"fraction\":0.5,\"transport\":{}}",
      START + ",\"fraction\":0.5,\"transport\":{\"way\":\"a b\"}}",
      START + ",\"fraction\":0.5,\"transport\":{\"way\":\"PCIe\",\"gigabytesPerSecond\":-1}}",
      START + ",\"fraction\":0.5,\"estimatedCompletion\":\"soon\"}",
      START + ",\"fraction\":0.5,\"estimatedCompletion\":\"+1000000000-01-01T00:00:00Z\"}",
      START + ",\"fraction\":0.5,\"checkpoint\":{\"path\":\"/etc/passwd\",\"step\":1}}",
      START + ",\"fraction\":0.5,\"checkpoint\":{\"path\":\"exp/flow_model/attempt-1/../../x.pt\",\"step\":1}}",
      START + ",\"fraction\":0.5,\"checkpoint\":{\"path\":\"exp/flow_model/attempt-1/a.pt\",\"step\":-1}}",
      "{\"stage\":\"cook\",\"attempt\":1,\"time\":\"2026-07-01T12:00:00Z\",\"fraction\":0.5}",
      "{\"stage\":\"train\",\"attempt\":0,\"time\":\"2026-07-01T12:00:00Z\",\"fraction\":0.5}"})
  void dropsAndCountsWhatIsNotPlausible(String report) {
    Progress progress = Progress.parse(Map.of("progress.json", report));
    assertThat(progress.report()).isEmpty();
    assertThat(progress.dropped()).isEqualTo(1);
  }

  @Test
  void aReportOfAnotherRunDoesNotCount() {
    Progress progress = Progress.parse(Map.of("progress.json", START + ",\"fraction\":0.5,\"runId\":\"u1\"}"));
    assertThat(progress.ofRun("u1").report()).isPresent();
    assertThat(progress.ofRun("u2").report()).isEmpty();
  }

  @Test
  void eachShardHasAKeyOfItsOwn() {
    Progress progress = Progress.parse(Map.of("shard-3.json", START + ",\"fraction\":0.25}", "shard-x.json", "1",
        "shard-1.json", "not json"));
    assertThat(progress.shards()).containsOnlyKeys(3);
    assertThat(progress.shards().get(3).fraction()).isEqualTo(0.25);
    assertThat(progress.dropped()).isEqualTo(1);
  }

  @Test
  void artifactsComeAsAWholeOrNotAtAll() {
    Progress progress = Progress.parse(Map.of("artifacts.json",
        "[{\"name\":\"a\",\"path\":\"/abs\",\"bytes\":1,\"sha256\":\"" + "a".repeat(64) + "\"}]"));
    assertThat(progress.artifacts()).isEmpty();
    assertThat(progress.dropped()).isEqualTo(1);
  }
}
