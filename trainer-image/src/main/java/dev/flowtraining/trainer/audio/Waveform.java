package dev.flowtraining.trainer.audio;

/**
 * Mono audio.
 *
 * @param samples in [−1, 1], except that float files and resampling may overshoot
 * @param rate samples per second
 */
public record Waveform(float[] samples, int rate) {

  public double seconds() {
    return samples.length / (double) rate;
  }

  public float peak() {
    float peak = 0;
    for (float s : samples) {
      peak = Math.max(peak, Math.abs(s));
    }
    return peak;
  }

  /** The same sound at another rate; itself when the rate is already right. */
  public Waveform at(int newRate) {
    return newRate == rate ? this : new Waveform(Resample.between(rate, newRate).apply(samples), newRate);
  }
}
