package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.config.FlowConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LearningRateTest {

  @ParameterizedTest
  @ValueSource(strings = {"warmuplr", "constantlr", "NoamHoldAnnealing"})
  void everyStepAgreesWithUpstream(String scheduler) {
    JsonNode fixture = Fixtures.json("sched.json");
    boolean noam = scheduler.equals("NoamHoldAnnealing");
    JsonNode conf = noam ? fixture.get("noam") : fixture;
    LearningRate rate = LearningRate.of(scheduler, fixture.get("base_lr").asDouble(), new FlowConfig.Scheduler(
        conf.get("warmup_steps").asInt(), conf.path("hold_steps").asInt(), conf.path("max_steps").asInt(),
        conf.path("min_lr").asDouble()));
    JsonNode expected = fixture.get("lr").get(scheduler);
    assertThat(expected).isNotEmpty();
    for (int i = 0; i < expected.size(); i++) {
      double lr = expected.get(i).asDouble();
      assertThat(rate.at(i)).isCloseTo(lr, within(1e-12 * lr));
    }
  }

  @Test
  void noamHoldEndsAtTheSmallestRate() {
    LearningRate rate = LearningRate.of("NoamHoldAnnealing", 1e-3, new FlowConfig.Scheduler(20, 30, 400, 1e-5));
    assertThat(rate.at(400)).isGreaterThan(1e-5);
    assertThat(rate.at(401)).isEqualTo(1e-5);
  }

  @Test
  void cosineWarmsUpAndEndsAtTheSmallestRate() {
    LearningRate rate = LearningRate.of("cosine", 1e-3, new FlowConfig.Scheduler(10, 0, 110, 1e-5));
    assertThat(rate.at(0)).isCloseTo(1e-4, within(1e-15));
    assertThat(rate.at(9)).isCloseTo(1e-3, within(1e-15));
    assertThat(rate.at(60)).isCloseTo(5.05e-4, within(1e-15));
    assertThat(rate.at(110)).isCloseTo(1e-5, within(1e-15));
    assertThat(rate.at(1000)).isCloseTo(1e-5, within(1e-15));
  }
}
