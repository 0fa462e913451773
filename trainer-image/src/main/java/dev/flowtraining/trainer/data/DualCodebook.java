package dev.flowtraining.trainer.data;

/**
 * The two token streams of Step-Audio and their two orders.
 *
 * <p>A <em>group</em> is 120 ms: two vq02 codes a (16.67 Hz, 0…1023) and three vq06 codes b (25 Hz, 0…4095).
 * <ul>
 *   <li><em>flat</em>, as stored: {@code [a, a, b+1024, b+1024, b+1024]} per group;
 *   <li><em>time-aligned</em>, as the model reads it: three rows per group, column 0 = {@code a, a, 1024}, column 1 =
 *       {@code b+1025} each. One row is two mel frames.
 * </ul>
 */
public final class DualCodebook {
  public static final int VQ02_CODES = 1024;
  public static final int VQ06_CODES = 4096;
  /** Codes of a group in the flat order. */
  public static final int GROUP = 5;
  /** Rows of a group in the time-aligned order. */
  public static final int ROWS = 3;
  /** Mel frames of a group. */
  public static final int FRAMES = 6;
  private static final int VQ02_PER_GROUP = 2;
  private static final int PAD = 1024;

  private DualCodebook() {}

  /** Flat order of as many whole groups as both streams hold. */
  public static long[] interleave(int[] vq02, int[] vq06) {
    int groups = Math.min(vq02.length / VQ02_PER_GROUP, vq06.length / ROWS);
    long[] flat = new long[groups * GROUP];
    for (int g = 0; g < groups; g++) {
      for (int i = 0; i < VQ02_PER_GROUP; i++) {
        flat[g * GROUP + i] = inRange(vq02[g * VQ02_PER_GROUP + i], VQ02_CODES, "vq02");
      }
      for (int i = 0; i < ROWS; i++) {
        flat[g * GROUP + VQ02_PER_GROUP + i] = VQ02_CODES + inRange(vq06[g * ROWS + i], VQ06_CODES, "vq06");
      }
    }
    return flat;
  }

  private static int inRange(int code, int codes, String stream) {
    if (code < 0 || code >= codes) {
      throw new IllegalArgumentException(stream + " code " + code + " is outside 0.." + (codes - 1));
    }
    return code;
  }

  /** Checks that every code of a flat sequence stands where its range says; a wrong order trains garbage silently. */
  public static void validate(long[] flat) throws Unusable {
    for (int i = 0; i < flat.length; i++) {
      boolean vq02 = i % GROUP < VQ02_PER_GROUP;
      long low = vq02 ? 0 : VQ02_CODES;
      long high = vq02 ? VQ02_CODES : VQ02_CODES + VQ06_CODES;
      if (flat[i] < low || flat[i] >= high) {
        throw new Unusable(RejectReason.BAD_TOKENS, "token " + i + " is " + flat[i] + ", but a "
            + (vq02 ? "vq02" : "vq06") + " code " + low + ".." + (high - 1)
            + " must stand there; the order is vq02 vq02 vq06 vq06 vq06, vq06 + 1024");
      }
    }
  }

  /**
   * The first groups of a flat sequence in time-aligned order.
   *
   * @return 3·groups rows of two ids, flattened
   */
  public static int[] timeAligned(long[] flat, int groups) throws Unusable {
    validate(flat);
    int[] token_T2 = new int[groups * ROWS * 2];
    for (int g = 0; g < groups; g++) {
      for (int r = 0; r < ROWS; r++) {
        int row = (g * ROWS + r) * 2;
        token_T2[row] = r < VQ02_PER_GROUP ? (int) flat[g * GROUP + r] : PAD;
        token_T2[row + 1] = (int) flat[g * GROUP + VQ02_PER_GROUP + r] + 1;
      }
    }
    return token_T2;
  }
}
