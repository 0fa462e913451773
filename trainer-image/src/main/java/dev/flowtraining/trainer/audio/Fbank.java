package dev.flowtraining.trainer.audio;

/**
 * Kaldi filter banks of 16 kHz audio: 25 ms windows every 10 ms with snip-edges, DC removed, pre-emphasis 0.97 (the
 * first sample repeated), transform of 512, power, 80 mel filters 20–8000 Hz, ln(max(·, 1.19e-7)). No dither.
 */
public enum Fbank {
  /** Input of CAM++: samples in [−1, 1], Povey window. */
  POVEY(Window.povey(Fbank.WINDOW), 1),
  /** Input of FunASR's front end: samples times 32768, Hamming window. */
  HAMMING_INT16(Window.hamming(Fbank.WINDOW), 32768);

  public static final int RATE = 16_000;
  public static final int BINS = 80;
  public static final int HOP = 160;
  public static final int WINDOW = 400;
  private static final int N = 512;
  private static final double FLOOR = Math.ulp(1f); // torch.finfo(float32).eps
  private static final MelBank BANK = MelBank.kaldi(RATE, N, BINS, 20, 8000);

  private final double[] window;
  private final double scale;

  Fbank(double[] window, double scale) {
    this.window = window;
    this.scale = scale;
  }

  public static int frames(int samples) {
    return samples < WINDOW ? 0 : 1 + (samples - WINDOW) / HOP;
  }

  /**
   * @param samples at 16 kHz; fewer than 400 give no frame
   * @return frames × 80, row-major
   */
  public float[] of(float[] samples) {
    int frames = frames(samples.length);
    float[] out_FC = new float[frames * BINS];
    RealFft fft = new RealFft(N);
    double[] frame = new double[N];
    double[] power = new double[N / 2 + 1];
    for (int f = 0; f < frames; f++) {
      load(samples, f * HOP, frame);
      fft.power(frame, power);
      for (int m = 0; m < BINS; m++) {
        out_FC[f * BINS + m] = (float) Ln.of(Math.max(BANK.apply(m, power), FLOOR));
      }
    }
    return out_FC;
  }

  private void load(float[] samples, int from, double[] frame) {
    double mean = 0;
    for (int i = 0; i < WINDOW; i++) {
      mean += samples[from + i] * scale;
    }
    mean /= WINDOW;
    double first = samples[from] * scale - mean;
    frame[0] = (first - 0.97 * first) * window[0];
    for (int i = 1; i < WINDOW; i++) {
      double before = samples[from + i - 1] * scale - mean;
      frame[i] = (samples[from + i] * scale - mean - 0.97 * before) * window[i];
    }
  }

  /** Subtracts each bin's mean over time, in place, as CAM++ wants it. */
  public static float[] subtractMean(float[] fbank_FC) {
    int frames = fbank_FC.length / BINS;
    for (int m = 0; m < BINS; m++) {
      double mean = 0;
      for (int f = 0; f < frames; f++) {
        mean += fbank_FC[f * BINS + m];
      }
      for (int f = 0; f < frames; f++) {
        fbank_FC[f * BINS + m] -= (float) (mean / frames);
      }
    }
    return fbank_FC;
  }
}
