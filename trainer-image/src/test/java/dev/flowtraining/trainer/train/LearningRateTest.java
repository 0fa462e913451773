package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LearningRateTest {

  @ParameterizedTest
  @ValueSource(strings = {"warmuplr", "constantlr"})
  void everyStepAgreesWithUpstream(String scheduler) {
    JsonNode fixture = Fixtures.json("sched.json");
    LearningRate rate = LearningRate.of(
        scheduler, fixture.get("base_lr").asDouble(), fixture.get("warmup_steps").asInt());
    JsonNode expected = fixture.get("lr").get(scheduler);
    assertThat(expected).isNotEmpty();
    for (int i = 0; i < expected.size(); i++) {
      double lr = expected.get(i).asDouble();
      assertThat(rate.at(i)).isCloseTo(lr, within(1e-12 * lr));
    }
  }
}
