package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.parquet.UtteranceRow;

/**
 * Which utterances are trained on, by length, text and tokens: the rules of CosyVoice's {@code filter}. What it leaves
 * out is counted with its reason, where upstream only passes on. The rate is judged in stage 0: the released models
 * want 16 kHz, the built-in ones take any.
 */
public final class UtteranceFilter {
  /** Upstream counts time in 10 ms. */
  private static final double UNITS_PER_SECOND = 100;

  private final FlowConfig.Filter limits;
  private final TextTokenizer tokenizer;

  public UtteranceFilter(FlowConfig.Filter limits) {
    this.limits = limits;
    tokenizer = TextTokenizer.of(limits.textTokenizer());
  }

  /**
   * Mel frames of a row after the trim to whole groups; nothing is decoded.
   *
   * @throws Unusable when the row is to be left out
   */
  public int frames(UtteranceRow row) throws Unusable {
    AudioFile.Info info = AudioFile.of(row.audioData()).info();
    check(info.samples() / (double) info.rate(), row.text(), row.speechToken().length);
    int frames = ExampleLoader.frames(info.samples(), info.rate(), row.speechToken().length);
    if (frames == 0) {
      throw new Unusable(RejectReason.TOO_SHORT, "it is shorter than a group of tokens");
    }
    return frames;
  }

  void check(double seconds, String text, int speechTokens) throws Unusable {
    double units = seconds * UNITS_PER_SECOND;
    demand(units >= limits.minLength(), RejectReason.TOO_SHORT, seconds + " s", "min_length", limits.minLength());
    demand(units <= limits.maxLength(), RejectReason.TOO_LONG, seconds + " s", "max_length", limits.maxLength());
    int words = tokenizer.count(text);
    String said = words + " text tokens";
    demand(words >= limits.tokenMinLength(), RejectReason.TEXT_LENGTH, said, "token_min_length",
        limits.tokenMinLength());
    demand(words <= limits.tokenMaxLength(), RejectReason.TEXT_LENGTH, said, "token_max_length",
        limits.tokenMaxLength());
    demand(speechTokens > 0, RejectReason.NO_TOKENS, "no speech token", "token_min_length", 1);
    String ratio = said + " in " + seconds + " s";
    demand(words / units >= limits.minOutputInputRatio(), RejectReason.TEXT_RATIO, ratio, "min_output_input_ratio",
        limits.minOutputInputRatio());
    demand(words / units <= limits.maxOutputInputRatio(), RejectReason.TEXT_RATIO, ratio, "max_output_input_ratio",
        limits.maxOutputInputRatio());
  }

  private static void demand(boolean holds, RejectReason reason, String what, String key, Number limit)
      throws Unusable {
    if (!holds) {
      throw new Unusable(reason, what + "; dataset_conf.filter_conf." + key + " is " + limit);
    }
  }
}
