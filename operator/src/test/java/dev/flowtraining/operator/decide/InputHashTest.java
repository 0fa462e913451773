package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.training;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InputHashTest {

  @ParameterizedTest(name = "{0} starts at {1}")
  @CsvSource(delimiter = '|', nullValues = "none", textBlock = """
      averaging: {num: 3}                                    | AVERAGE
      training: {gpus: 2, device: cpu}                       | none
      training: {resources: {requests: {cpu: 1}}}            | none
      training: {stallTimeout: 5m}                           | none
      template: {image: other}                               | none
      restartPolicy: {maxRestarts: 1}                        | none
      stages: {to: train}                                    | none
      tensorBoard: {image: other}                            | none
      config: {preset: tiny}                                 | PREPARE_DATA
      models: {init: a.pt, volume: {persistentVolumeClaim: {claimName: m}}} | SPEAKER_EMBEDDING
      """)
  void aChangeConcernsAStageAndAllAfterIt(String change, Stage first) {
    Map<Stage, String> before = InputHash.of(training("").getSpec(), Optional.empty());
    Map<Stage, String> after = InputHash.of(training(change).getSpec(), Optional.empty());
    for (Stage stage : Stage.inOrder()) {
      boolean concerned = first != null && stage.number() >= first.number();
      assertThat(after.get(stage).equals(before.get(stage))).as(stage.id()).isEqualTo(!concerned);
    }
  }

  @Test
  void whoWatchesARunThatHasEndedAsksForNoOther() {
    assertThat(InputHash.ofSpec(training("tensorBoard: {}").getSpec()))
        .isEqualTo(InputHash.ofSpec(training("").getSpec()));
  }

  @Test
  void aVocoderConcernsTheExportAlone() {
    String models = "models: {volume: {persistentVolumeClaim: {claimName: m}}";
    Map<Stage, String> before = InputHash.of(training(models + "}").getSpec(), Optional.empty());
    Map<Stage, String> after = InputHash.of(training(models + ", vocoder: hift.pt}").getSpec(), Optional.empty());
    assertThat(Stage.inOrder().stream().filter(s -> !before.get(s).equals(after.get(s)))).containsExactly(Stage.EXPORT);
  }

  @Test
  void theConfigCountsByContent() {
    assertThat(InputHash.of(training("").getSpec(), Optional.of("a: 1")))
        .isNotEqualTo(InputHash.of(training("").getSpec(), Optional.of("a: 2")));
  }

  /** Changed by accident, every finished run would start again after an upgrade of the operator. */
  @Test
  void theHashOfASpecNeverChanges() {
    assertThat(InputHash.of(training("").getSpec(), Optional.of("a: 1")).get(Stage.EXPORT))
        .isEqualTo("95b4d24a2a8df262f252d77840bc5481");
  }
}
