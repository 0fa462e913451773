package dev.flowtraining.trainer.model;

import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32;

/** Draws one parameter. Its generator follows from the seed and the name, so other parameters do not matter. */
record Initialiser(long seed, ParameterSpec spec) {

  void fill(FloatBuffer values) {
    switch (spec.init()) {
      case Init.Constant(double value) -> {
        while (values.hasRemaining()) {
          values.put((float) value);
        }
      }
      case Init.Uniform(double bound) -> {
        RandomGenerator random = random();
        while (values.hasRemaining()) {
          values.put((float) (bound * (2 * random.nextDouble() - 1)));
        }
      }
      case Init.Normal(double deviation) -> {
        RandomGenerator random = random();
        while (values.hasRemaining()) {
          values.put((float) (deviation * random.nextGaussian()));
        }
      }
    }
  }

  private RandomGenerator random() {
    CRC32 name = new CRC32();
    name.update(spec.name().getBytes(StandardCharsets.UTF_8));
    return new SplittableRandom(seed + (name.getValue() << 32));
  }
}
