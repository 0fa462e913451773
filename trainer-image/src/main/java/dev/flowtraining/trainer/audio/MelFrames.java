package dev.flowtraining.trainer.audio;

/** Mel spectra of a whole recording, {@link RealFft#LANES} frames at a time; the features are its settings. */
abstract class MelFrames {
  static final int LANES = RealFft.LANES;
  private final ThreadLocal<RealFft> fft; // its work space is as large as the spectra of a short recording
  private final MelBank bank;

  /** @param n length of the transform */
  MelFrames(int n, MelBank bank) {
    fft = ThreadLocal.withInitial(() -> new RealFft(n));
    this.bank = bank;
  }

  /**
   * Puts frames side by side: sample 2j of frame {@code from + i} to {@code rows[j][i]}, sample 2j + 1 to
   * {@code rows[j][LANES + i]}.
   *
   * @param last the recording's last frame, which stands for those beyond it
   */
  abstract void load(float[] samples, int from, int last, double[][] rows);

  /** Where frames {@code from …} begin; the last frame's place for those beyond it. */
  static int[] starts(int from, int last, int hop, int offset) {
    int[] starts = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      starts[i] = Math.min(from + i, last) * hop + offset;
    }
    return starts;
  }

  /** What the filters see of a bin; its power, unless said otherwise. */
  void spectrum(double[] power) {}

  /** A filter's output as it is stored. */
  abstract double compress(double mel);

  /** @return frames × mels, row-major */
  final float[] of(float[] samples, int frames) {
    int mels = bank.size();
    float[] mel_FC = new float[frames * mels];
    RealFft fft = this.fft.get();
    double[] sum = new double[LANES];
    for (int from = 0; from < frames; from += LANES) {
      load(samples, from, frames - 1, fft.rows());
      double[][] power = fft.power();
      for (double[] bin : power) {
        spectrum(bin);
      }
      int lanes = Math.min(LANES, frames - from);
      for (int m = 0; m < mels; m++) {
        bank.apply(m, power, sum);
        for (int i = 0; i < lanes; i++) {
          mel_FC[(from + i) * mels + m] = (float) compress(sum[i]);
        }
      }
    }
    return mel_FC;
  }
}
