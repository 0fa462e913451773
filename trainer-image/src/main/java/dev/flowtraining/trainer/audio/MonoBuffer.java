package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;

/** Takes what a lossy codec decodes and keeps the part that is the recording. */
final class MonoBuffer {
  private final float[] samples;
  /** Index of the next sample; negative while samples are skipped. */
  private int at;

  /**
   * @param skip samples that the codec puts in front
   * @param samples to keep; what comes after them is dropped
   */
  MonoBuffer(int skip, int samples) {
    this.samples = new float[samples];
    at = -skip;
  }

  void add(float sample) {
    if (at >= 0 && at < samples.length) {
      samples[at] = sample;
    }
    at++;
  }

  Waveform waveform(int rate) throws Unusable {
    if (at < samples.length) {
      throw new Unusable(RejectReason.CORRUPT_AUDIO, "only " + Math.max(0, at) + " of " + samples.length
          + " samples can be decoded; write the file anew from its source");
    }
    return new Waveform(samples, rate);
  }
}
