package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.torch.StateDict;

/**
 * What the loss is multiplied with before a backward pass in float16, below whose smallest numbers gradients would
 * fall. A step whose gradients overflow is skipped and the scale halved; after a number of good steps it is doubled.
 */
final class LossScale {
  private static final String SCALE = "loss_scale.scale";
  private static final String GOOD_STEPS = "loss_scale.good_steps";
  private static final String PATIENCE = "loss_scale.hysteresis";
  private static final double FACTOR = 2;
  private static final double MOST = Float.MAX_VALUE / FACTOR;

  /**
   * @param initial the scale at the start, or always when it is not dynamic
   * @param interval good steps in a row before the scale grows
   * @param goodAtStart what their count begins with, at the start and after an overflow
   * @param hysteresis overflows before the scale falls
   * @param refilledByGoodStep whether each good step brings these back, and not only growth does
   * @param least the scale does not fall below it
   */
  record Rules(boolean dynamic, double initial, long interval, int goodAtStart, int hysteresis,
      boolean refilledByGoodStep, double least) {
    /** Of torch's GradScaler. */
    static final Rules TORCH = new Rules(true, 65536, 2000, 0, 1, false, 0);
  }

  private final Rules rules;
  private double scale;
  private long goodSteps;
  private long hysteresis;

  LossScale(Rules rules) {
    this.rules = rules;
    scale = rules.initial;
    goodSteps = rules.goodAtStart;
    hysteresis = rules.hysteresis;
  }

  double scale() {
    return scale;
  }

  /** Whether gradients that are not finite may be the scale's doing, and another step may do better. */
  boolean canFall() {
    return rules.dynamic && scale > Math.max(1, rules.least);
  }

  /** After every optimizer step. */
  void update(boolean overflow) {
    if (!rules.dynamic) {
      return;
    }
    if (overflow) {
      goodSteps = rules.goodAtStart;
      if (hysteresis > 1) {
        hysteresis--;
      } else {
        scale = Math.max(scale / FACTOR, rules.least);
      }
      return;
    }
    if (rules.refilledByGoodStep) {
      hysteresis = rules.hysteresis;
    }
    if (++goodSteps == rules.interval) {
      goodSteps = 0;
      hysteresis = rules.hysteresis;
      scale = Math.min(scale * FACTOR, MOST);
    }
  }

  /** Into an optimizer's state. */
  void save(StateDict state) {
    state.tensors().put(SCALE, StateDict.Tensor.of(new float[] {(float) scale}, 1));
    state.integers().put(GOOD_STEPS, goodSteps);
    state.integers().put(PATIENCE, hysteresis);
  }

  /** From an optimizer's state, unless it has none: one of a run in another precision. */
  void load(StateDict state) {
    StateDict.Tensor saved = state.tensors().get(SCALE);
    if (saved != null && rules.dynamic) {
      scale = saved.floats()[0];
      goodSteps = state.integer(GOOD_STEPS, rules.goodAtStart);
      hysteresis = state.integer(PATIENCE, rules.hysteresis);
    }
  }
}
