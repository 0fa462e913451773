package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.data.DualCodebook;

/** How many codes there are and how evenly those of both streams are used. */
final class CodeUsage {
  private final long[] vq02 = new long[DualCodebook.VQ02_CODES];
  private final long[] vq06 = new long[DualCodebook.VQ06_CODES];

  private int utterances;
  private long tokens;

  void add(long[] flat) {
    utterances++;
    tokens += flat.length;
    for (long id : flat) {
      if (id < DualCodebook.VQ02_CODES) {
        vq02[(int) id]++;
      } else {
        vq06[(int) id - DualCodebook.VQ02_CODES]++;
      }
    }
  }

  int utterances() {
    return utterances;
  }

  long tokens() {
    return tokens;
  }

  double vq02Perplexity() {
    return perplexity(vq02);
  }

  double vq06Perplexity() {
    return perplexity(vq06);
  }

  /** e to the entropy: as many codes, used evenly, would carry as much. */
  private static double perplexity(long[] counts) {
    double total = 0;
    for (long c : counts) {
      total += c;
    }
    double entropy = 0;
    for (long c : counts) {
      entropy -= c == 0 ? 0 : c / total * Math.log(c / total);
    }
    return Math.round(Math.exp(entropy) * 10) / 10.0;
  }
}
