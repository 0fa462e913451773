package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;

/**
 * One of the vectors that lie side by side for each utterance, such as a shift.
 *
 * @param all_B1N utterances, each with its vectors
 * @param index of the vector, whose length is that of the rows that it goes with
 */
public record Vectors(NDArray all_B1N, int index) {

  /** (B,1,C), a view. */
  public NDArray view(long channels) {
    return Operators.narrow(all_B1N, 2, index * channels, channels);
  }

  /** The same place in another array, that of the gradients say. */
  Vectors in(NDArray other_B1N) {
    return new Vectors(other_B1N, index);
  }
}
