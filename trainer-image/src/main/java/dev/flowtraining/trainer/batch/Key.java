package dev.flowtraining.trainer.batch;

import java.nio.charset.StandardCharsets;

/** Seeds of random draws. Equal parts give equal seeds in every process, so a draw depends on what it is for alone. */
public final class Key {
  private Key() {}

  public static long of(long... parts) {
    long key = 0x9E3779B97F4A7C15L;
    for (long part : parts) {
      key = scramble(key ^ scramble(part + 0x9E3779B97F4A7C15L)) * 31;
    }
    return scramble(key);
  }

  /** FNV-1a, 64 bits. */
  public static long of(String text) {
    long hash = 0xCBF29CE484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
    }
    return hash;
  }

  /** The finaliser of SplitMix64: every bit of the input moves half of the bits of the output. */
  private static long scramble(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
