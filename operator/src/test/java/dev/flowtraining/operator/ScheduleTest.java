package dev.flowtraining.operator;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.seeing;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.decide.Decision;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ScheduleTest {

  @Test
  void aJobThatEndedWhileNoOperatorWasThereIsLookedAtAtOnce() {
    Decision.Start start = new Decision.Start(Stage.TRAIN, 1, false, Optional.empty());
    assertThat(Schedule.after(start, nothing(), NOW)).contains(Duration.ofSeconds(5));
    assertThat(Schedule.after(start, seeing(List.of(complete(job(Stage.TRAIN, 1))), List.of()), NOW))
        .hasValueSatisfying(soon -> assertThat(soon).isLessThan(Duration.ofSeconds(1)));
  }
}
