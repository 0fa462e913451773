package dev.flowtraining.operator.observe;

import static dev.flowtraining.operator.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class BudgetTest {

  private static final Duration TOOK = Duration.ofMillis(100);

  private final Budget budget = new Budget();

  @Test
  void oneAtATime() {
    assertThat(budget.take(NOW)).isTrue();
    assertThat(budget.take(NOW)).isFalse();
    budget.spent(NOW, TOOK);
    assertThat(budget.take(NOW)).isTrue();
  }

  @Test
  void aThousandThatAskForAMinuteGetAFiftiethOfItAndWhatWasSaved() {
    int answers = 0;
    for (Instant now = NOW; now.isBefore(NOW.plusSeconds(60)); now = now.plusMillis(60)) {
      if (budget.take(now)) {
        budget.spent(now, TOOK);
        answers++;
      }
    }
    // an answer costs 5 s: 12 of the minute, 3 of what was saved
    assertThat(answers).isBetween(14, 16);
  }

  @Test
  void oneLongAnswerIsPaidForBeforeTheNext() {
    assertThat(budget.take(NOW)).isTrue();
    budget.spent(NOW, Duration.ofSeconds(1));
    assertThat(budget.take(NOW.plusSeconds(34))).isFalse(); // 50 s less the 15 that were saved
    assertThat(budget.take(NOW.plusSeconds(35))).isTrue();
  }
}
