package dev.flowtraining.trainer.audio;

/**
 * The model's target: log-mel spectrogram of 24 kHz audio, 50 frames per second, 80 bins (the settings of the released
 * vocoder, HiFT). Reflect-pad 720; window and transform 1920, periodic Hann; magnitude √(re² + im² + 1e-9); Slaney mel
 * 0–8000 Hz; ln(max(·, 1e-5)).
 */
public final class Mel {
  public static final int RATE = 24_000;
  public static final int BINS = 80;
  public static final int HOP = 480;
  /** Hz; there is nothing above. */
  public static final int HIGHEST = 8000;
  private static final int N = 1920;
  /** What another mel would differ in. Parquet files and checkpoints carry it, as a vocoder takes but the one. */
  public static final String SETTINGS =
      RATE + " Hz, window " + N + ", hop " + HOP + ", " + BINS + " slaney bins to " + HIGHEST + " Hz, ln of magnitude";
  private static final int PAD = (N - HOP) / 2;
  private static final double[] WINDOW = Window.hannPeriodic(N);
  private static final MelFrames FRAMES = new MelFrames(N, MelBank.slaney(RATE, N, BINS, 0, HIGHEST)) {
    @Override
    void load(float[] samples, int from, int last, double[][] rows) {
      Window.load(WINDOW, samples, starts(from, last, HOP, -PAD), rows);
    }

    @Override
    void spectrum(double[] power) {
      for (int i = 0; i < LANES; i++) {
        power[i] = Math.sqrt(power[i] + 1e-9);
      }
    }

    @Override
    double compress(double mel) {
      return Ln.of(Math.max(mel, 1e-5));
    }
  };

  private Mel() {}

  /** Frames of an utterance of so many samples. */
  public static int frames(int samples) {
    return (samples + 2 * PAD - N) / HOP + 1;
  }

  /** The bin, with a fraction, whose filter would have its centre at a frequency; −1 at 0 Hz, 80 at 8 kHz. */
  public static double binAt(double hz) {
    return MelBank.slaneyMel(hz) / MelBank.slaneyMel(HIGHEST) * (BINS + 1) - 1;
  }

  /**
   * @param samples at 24 kHz, at least 721 (the reflection needs them)
   * @return frames × 80, row-major
   */
  public static float[] of(float[] samples) {
    if (samples.length <= PAD) {
      throw new IllegalArgumentException(samples.length + " samples at 24 kHz are too few for a mel frame");
    }
    return FRAMES.of(samples, frames(samples.length));
  }
}
