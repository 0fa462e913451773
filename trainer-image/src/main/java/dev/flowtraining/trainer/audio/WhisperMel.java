package dev.flowtraining.trainer.audio;

/**
 * Whisper's log-mel of 16 kHz audio with 128 bins, 100 frames per second: the input of the released vq06 tokenizer.
 * Transform 400, centred with reflection, last frame dropped; log10(max(power mel, 1e-10)), floor at the maximum − 8,
 * then (x + 4)/4.
 */
public final class WhisperMel {
  public static final int RATE = 16_000;
  public static final int BINS = 128;
  public static final int HOP = 160;
  private static final int N = 400;
  private static final double LOG10_E = Math.log10(Math.E);
  private static final double[] WINDOW = Window.hannPeriodic(N);
  private static final MelFrames FRAMES = new MelFrames(N, MelBank.slaney(RATE, N, BINS, 0, 8000)) {
    @Override
    void load(float[] samples, int from, int last, double[][] rows) {
      Window.load(WINDOW, samples, starts(from, last, HOP, -N / 2), rows);
    }

    @Override
    double compress(double mel) {
      return LOG10_E * Ln.of(Math.max(mel, 1e-10));
    }
  };

  private WhisperMel() {}

  /**
   * @param samples at 16 kHz, at least 201
   * @return frames × 128, row-major, frames = samples / 160
   */
  public static float[] of(float[] samples) {
    if (samples.length <= N / 2) {
      throw new IllegalArgumentException(samples.length + " samples at 16 kHz are too few for a frame");
    }
    float[] mel_FC = FRAMES.of(samples, samples.length / HOP);
    float max = Float.NEGATIVE_INFINITY;
    for (float v : mel_FC) {
      max = Math.max(max, v);
    }
    for (int i = 0; i < mel_FC.length; i++) {
      mel_FC[i] = (Math.max(mel_FC[i], max - 8) + 4) / 4;
    }
    return mel_FC;
  }
}
