package dev.flowtraining.trainer.bench;

import java.util.Collections;
import java.util.List;

/**
 * Python's {@code random.Random}: MT19937 (Matsumoto and Nishimura, 1998) and the distributions that the peer's
 * benchmark draws its lengths from, so that both time the very same batches.
 */
final class PythonRandom {
  private static final int N = 624;
  private static final int M = 397;
  private final int[] state = new int[N];
  private int next = N;

  PythonRandom(int seed) {
    state[0] = 19650218;
    for (int i = 1; i < N; i++) {
      state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
    int i = 1;
    for (int k = 0; k < N; k++) { // init_by_array with the one key
      state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1664525)) + seed;
      i = advance(i);
    }
    for (int k = 0; k < N - 1; k++) {
      state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1566083941)) - i;
      i = advance(i);
    }
    state[0] = 0x80000000;
  }

  private int advance(int i) {
    if (i + 1 < N) {
      return i + 1;
    }
    state[0] = state[N - 1];
    return 1;
  }

  private int int32() {
    if (next == N) {
      for (int k = 0; k < N; k++) {
        int y = (state[k] & 0x80000000) | (state[(k + 1) % N] & 0x7fffffff);
        state[k] = state[(k + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
      }
      next = 0;
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }

  double random() {
    long a = int32() >>> 5;
    long b = int32() >>> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
  }

  /** Kinderman and Monahan's method, as in {@code random.normalvariate}. */
  double logNormal(double mu, double sigma) {
    double magic = 4 * Math.exp(-0.5) / Math.sqrt(2);
    while (true) {
      double u1 = random();
      double u2 = 1 - random();
      double z = magic * (u1 - 0.5) / u2;
      if (z * z / 4 <= -Math.log(u2)) {
        return Math.exp(mu + z * sigma);
      }
    }
  }

  /** Fisher-Yates as in {@code random.shuffle}. */
  void shuffle(List<?> list) {
    for (int i = list.size() - 1; i > 0; i--) {
      Collections.swap(list, i, below(i + 1));
    }
  }

  private int below(int n) {
    int bits = 32 - Integer.numberOfLeadingZeros(n);
    int r = int32() >>> (32 - bits);
    while (r >= n) {
      r = int32() >>> (32 - bits);
    }
    return r;
  }
}
