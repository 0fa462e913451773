package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.TrainingStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DeadlineTest {

  private static final Decision WAIT = new Decision.Wait(Stage.TRAIN, "", "", Optional.empty());
  private final FlowTraining ft =
      Samples.training("training: {gpus: 2, device: cpu, activeDeadline: 2h}\n");

  @Test
  void suspensionsDoNotCount() {
    TrainingStatus training = TrainingStatus.empty().active(NOW.toString())
        .inactive(NOW.plus(Duration.ofMinutes(90)).toString());
    Instant resumed = NOW.plus(Duration.ofDays(3));
    training = training.active(resumed.toString());
    assertThat(training.active(resumed.plusSeconds(9).toString())).as("a restart does not stop the clock")
        .isEqualTo(training);
    ft.setStatus(FlowTrainingStatus.empty().withTraining(training));
    Instant over = resumed.plus(Duration.ofMinutes(30));
    assertThat(Deadline.bounds(ft, Stage.TRAIN, WAIT, resumed))
        .isEqualTo(new Decision.Wait(Stage.TRAIN, "", "", Optional.of(over)));
    assertThat(Deadline.bounds(ft, Stage.TRAIN, WAIT, over)).isInstanceOfSatisfying(Decision.Fail.class, f -> {
      assertThat(f.failure().details().reason()).isEqualTo("DeadlineExceeded");
      assertThat(f.message()).contains("training.activeDeadline 2h");
      assertThat(f.failureClass()).isEqualTo(FailureClass.PERMANENT);
    });
  }

  @Test
  void whatIsCompleteIsNotLate() {
    ft.setStatus(FlowTrainingStatus.empty().withTraining(TrainingStatus.empty().active(NOW.toString())));
    Instant late = NOW.plus(Duration.ofHours(5));
    Decision done = new Decision.Complete(Stage.TRAIN);
    assertThat(Deadline.bounds(ft, Stage.TRAIN, done, late)).isEqualTo(done);
    assertThat(Deadline.bounds(ft, Stage.EXPORT, WAIT, late)).as("only training has one").isEqualTo(WAIT);
    ft.setStatus(FlowTrainingStatus.empty());
    assertThat(Deadline.bounds(ft, Stage.TRAIN, WAIT, late)).as("not begun").isEqualTo(WAIT);
  }
}
