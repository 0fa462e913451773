package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.torch.StateDict;
import java.util.LinkedHashMap;
import org.junit.jupiter.api.Test;

class LossScaleTest {

  /** torch.amp.GradScaler(init_scale=4, growth_interval=3): the scales after these steps, x an overflow. */
  @Test
  void it_grows_and_falls_as_torchs() {
    LossScale scale = new LossScale(new LossScale.Rules(true, 4, 3, 0, 1, false, 0));
    assertThat(after(scale, "... ... x .. x x x ... ...")).isEqualTo("448" + "88g" + "8" + "88" + "421" + "112" + "224");
    assertThat(LossScale.Rules.TORCH).isEqualTo(new LossScale.Rules(true, 65536, 2000, 0, 1, false, 0));
  }

  /** DeepSpeed's DynamicLossScaler(4, scale_window=3, min_scale=1, delayed_shift=2): counting begins one step later. */
  @Test
  void it_grows_and_falls_as_deepspeeds() {
    LossScale.Rules rules = new LossScale.Rules(true, 4, 3, -1, 2, false, 1);
    assertThat(after(new LossScale(rules), ".... ... xxxxxx ....")).isEqualTo("4448" + "88g" + "g84211" + "1112");
    LossScale.Rules refilled = new LossScale.Rules(true, 4, 9, -1, 2, true, 1);
    assertThat(after(new LossScale(refilled), "x.x.x.xx")).isEqualTo("44444442");
    LossScale least = new LossScale(new LossScale.Rules(true, 1, 3, -1, 1, false, 1));
    assertThat(least.canFall()).isFalse();
  }

  @Test
  void a_fixed_one_stays() {
    LossScale scale = new LossScale(new LossScale.Rules(false, 8, 1, 0, 1, false, 1));
    assertThat(after(scale, "x..x")).isEqualTo("8888");
    assertThat(scale.canFall()).isFalse();
  }

  @Test
  void taken_up_it_goes_on_as_it_would_have() {
    LossScale.Rules rules = new LossScale.Rules(true, 4, 5, 0, 3, false, 1);
    LossScale one = new LossScale(rules);
    after(one, "..x...");
    StateDict state = new StateDict(new LinkedHashMap<>());
    one.save(state);
    LossScale two = new LossScale(rules);
    two.load(state);
    assertThat(after(two, "..xxx.....")).isEqualTo(after(one, "..xxx....."));
    LossScale fresh = new LossScale(rules);
    fresh.load(new StateDict(new LinkedHashMap<>()));
    assertThat(fresh.scale()).isEqualTo(4);
  }

  /** The scale after each step; g is 16. */
  private static String after(LossScale scale, String steps) {
    StringBuilder scales = new StringBuilder();
    for (char step : steps.replace(" ", "").toCharArray()) {
      scale.update(step == 'x');
      scales.append(scale.scale() == 16 ? "g" : Integer.toString((int) scale.scale()));
    }
    return scales.toString();
  }
}
