package dev.flowtraining.trainer.torch;

/** Functions of single elements; the order is that of {@code chains.cu}. */
public enum Activation {
  NONE, MISH, GELU_TANH, SILU
}
