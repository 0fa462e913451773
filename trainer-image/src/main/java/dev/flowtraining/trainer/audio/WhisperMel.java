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
  private static final MelBank BANK = MelBank.slaney(RATE, N, BINS, 0, 8000);

  private WhisperMel() {}

  /**
   * @param samples at 16 kHz, at least 201
   * @return frames × 128, row-major, frames = samples / 160
   */
  public static float[] of(float[] samples) {
    if (samples.length <= N / 2) {
      throw new IllegalArgumentException(samples.length + " samples at 16 kHz are too few for a frame");
    }
    int frames = samples.length / HOP;
    float[] mel_FC = new float[frames * BINS];
    RealFft fft = new RealFft(N);
    double[] frame = new double[N];
    double[] power = new double[N / 2 + 1];
    float max = Float.NEGATIVE_INFINITY;
    for (int f = 0; f < frames; f++) {
      Window.load(WINDOW, samples, f * HOP - N / 2, frame);
      fft.power(frame, power);
      for (int m = 0; m < BINS; m++) {
        float v = (float) (LOG10_E * Ln.of(Math.max(BANK.apply(m, power), 1e-10)));
        mel_FC[f * BINS + m] = v;
        max = Math.max(max, v);
      }
    }
    for (int i = 0; i < mel_FC.length; i++) {
      mel_FC[i] = (Math.max(mel_FC[i], max - 8) + 4) / 4;
    }
    return mel_FC;
  }
}
