package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;

/**
 * What hides the padding of a batch, and in streaming what a query does not see yet: then a key mask has the queries in
 * the place of its last 1. Null where nothing is to be hidden.
 *
 * @param token_BT1 1 for valid tokens, 0 for padded ones
 * @param tokenKeys_1B1T to add to attention scores over tokens: 0 for valid keys, −∞ for padded ones
 * @param frameKeys_1B1F the same over frames
 * @param frameKeys_B11F and once more, for heads in the second place
 */
record Masks(NDArray token_BT1, NDArray tokenKeys_1B1T, NDArray frameKeys_1B1F, NDArray frameKeys_B11F) {
  static final Masks NONE = new Masks(null, null, null, null);

  /** With chunks besides: masks that are 0 or −∞ add up. */
  Masks within(NDArray chunk_TT, NDArray chunk_FF) {
    return new Masks(token_BT1, both(tokenKeys_1B1T, chunk_TT), both(frameKeys_1B1F, chunk_FF),
        both(frameKeys_B11F, chunk_FF));
  }

  private static NDArray both(NDArray keysOrNull, NDArray chunk) {
    return keysOrNull == null ? chunk : keysOrNull.add(chunk);
  }
}
