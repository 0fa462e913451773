package dev.flowtraining.trainer.model;

/** One parameter: its name in the state dict, its shape and how it starts. */
public record ParameterSpec(String name, long[] shape, Init init) {

  public long elements() {
    long n = 1;
    for (long d : shape) {
      n *= d;
    }
    return n;
  }
}
