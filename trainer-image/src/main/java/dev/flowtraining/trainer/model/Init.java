package dev.flowtraining.trainer.model;

/** How a parameter starts (token2mel specification, “Init”). */
public sealed interface Init {
  /** U(−bound, bound). */
  record Uniform(double bound) implements Init {}

  /** N(0, deviation²). */
  record Normal(double deviation) implements Init {}

  record Constant(double value) implements Init {}

  /** PyTorch's default for Linear and Conv, weight and bias alike: kaiming-uniform with a = √5. */
  static Init byFanIn(long fanIn) {
    return new Uniform(1 / Math.sqrt(fanIn));
  }

  static Init xavier(long fanIn, long fanOut) {
    return new Uniform(Math.sqrt(6.0 / (fanIn + fanOut)));
  }

  Init ZERO = new Constant(0);
  Init ONE = new Constant(1);
}
