package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.Resample;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.util.Arrays;

/**
 * Parquet row → {@link Example}: decode, resample to 24 kHz, divide by the peak above 1, zero-pad to a multiple of 960
 * samples, mel, then keep the whole groups that tokens and mel share. Thread-safe.
 */
public final class ExampleLoader {
  /** Samples at 24 kHz of two mel frames; audio is padded to a multiple, as CosyVoice does. */
  private static final int PADDING = 2 * Mel.HOP;

  private final boolean bySpeaker;

  /** @throws StageFailure when the config asks for a mel that the model and its vocoder do not use */
  public ExampleLoader(FlowConfig.Dataset config, int melBins) {
    if (config.sampleRate() != Mel.RATE || melBins != Mel.BINS) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig", "dataset_conf.sample_rate " + config.sampleRate()
          + " and model.output_size " + melBins + " must be " + Mel.RATE + " and " + Mel.BINS);
    }
    bySpeaker = switch (config.speakerEmbedding()) {
      case "utt" -> false;
      case "spk" -> true;
      default -> throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "dataset_conf.speaker_embedding is '" + config.speakerEmbedding() + "'; it must be utt or spk");
    };
  }

  /** Mel frames of an utterance after the trim to whole groups: what {@link #load} gives, without decoding. */
  public static int frames(int samples, int rate, int flatTokens) {
    return groups(Resample.between(rate, Mel.RATE).length(samples), flatTokens) * DualCodebook.FRAMES;
  }

  private static int groups(int samples, int flatTokens) {
    int melFrames = (samples + PADDING - 1) / PADDING * 2;
    return Math.min(flatTokens / DualCodebook.GROUP, melFrames / DualCodebook.FRAMES);
  }

  /** @throws Unusable with the reason when audio, tokens or embedding cannot be used */
  public Example load(UtteranceRow row) throws Unusable {
    float[] samples = audio(row.audioData());
    int groups = groups(samples.length, row.speechToken().length);
    if (groups == 0) {
      throw new Unusable(RejectReason.TOO_SHORT, row.speechToken().length + " tokens and " + samples.length
          + " samples at 24 kHz hold no whole group of 120 ms");
    }
    float[] padded = Arrays.copyOf(samples, (samples.length + PADDING - 1) / PADDING * PADDING);
    float[] mel_FC = Arrays.copyOf(Mel.of(padded), groups * DualCodebook.FRAMES * Mel.BINS);
    return new Example(row.utt(), DualCodebook.timeAligned(row.speechToken(), groups), mel_FC,
        speaker(row));
  }

  /** The embedding that conditions the model, of norm 1. */
  float[] speaker(UtteranceRow row) throws Unusable {
    return unit(bySpeaker ? row.spkEmbedding() : row.uttEmbedding());
  }

  private static float[] audio(byte[] file) throws Unusable {
    Waveform wave = AudioFile.of(file).decode().at(Mel.RATE);
    float peak = wave.peak();
    float[] samples = wave.samples();
    if (peak > 1) {
      for (int i = 0; i < samples.length; i++) {
        samples[i] /= peak;
      }
    }
    return samples;
  }

  private static float[] unit(double[] embedding) throws Unusable {
    double sum = 0;
    for (double v : embedding) {
      sum += v * v;
    }
    if (!(sum > 0) || Double.isInfinite(sum)) {
      throw new Unusable(RejectReason.BAD_EMBEDDING,
          "the speaker embedding of " + embedding.length + " numbers has the squared norm " + sum);
    }
    float[] unit = new float[embedding.length];
    for (int i = 0; i < unit.length; i++) {
      unit[i] = (float) (embedding[i] / Math.sqrt(sum));
    }
    return unit;
  }
}
