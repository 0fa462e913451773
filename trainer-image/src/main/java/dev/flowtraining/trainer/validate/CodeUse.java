package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.data.DualCodebook;
import java.util.Arrays;

/** How often each code of a codebook occurs. */
record CodeUse(long[] counts) {

  void add(long code) {
    counts[(int) code]++;
  }

  long total() {
    return Arrays.stream(counts).sum();
  }

  long used() {
    return Arrays.stream(counts).filter(c -> c > 0).count();
  }

  /** Lowest code that occurs; the number of codes when none does. */
  int lowest() {
    int i = 0;
    while (i < counts.length && counts[i] == 0) {
      i++;
    }
    return i;
  }

  int highest() {
    int i = counts.length - 1;
    while (i >= 0 && counts[i] == 0) {
      i--;
    }
    return i;
  }

  /** The share of the commonest code. */
  double largestShare() {
    return Arrays.stream(counts).max().orElse(0) / (double) Math.max(1, total());
  }

  /** e to the entropy: as many codes, used evenly, would carry as much. */
  double perplexity() {
    double total = total();
    return Math.exp(-Arrays.stream(counts).filter(c -> c > 0).mapToDouble(c -> c / total * Math.log(c / total)).sum());
  }

  /** Both codebooks, from flat tokens. */
  record Both(CodeUse vq02, CodeUse vq06) {
    Both() {
      this(new CodeUse(new long[DualCodebook.VQ02_CODES]), new CodeUse(new long[DualCodebook.VQ06_CODES]));
    }

    void add(long[] flat) {
      for (long id : flat) {
        if (id < DualCodebook.VQ02_CODES) {
          vq02.add(id);
        } else {
          vq06.add(id - DualCodebook.VQ02_CODES);
        }
      }
    }
  }
}
