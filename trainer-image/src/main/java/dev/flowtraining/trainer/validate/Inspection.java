package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.UtteranceFilter;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Looks at one utterance on its own. Thread-safe.
 *
 * @param filter what training leaves out
 * @param minRate Hz that the models of the run accept
 */
record Inspection(String split, FlowConfig config, UtteranceFilter filter, int minRate) {
  static final double GROUP_SECONDS = 0.12;
  private static final int FULL_BANDWIDTH = 16_000;
  private static final double CLIPPED = 0.001;
  private static final double SILENT = 0.8;
  private static final double QUIET_DB = -40;
  private static final double FASTEST = 40; // characters per second
  /** What may lack at the ends: a group that is not whole in either stream. */
  private static final double SLACK_SECONDS = 2 * GROUP_SECONDS;
  private static final int LLM_OFFSET = 65_536;

  Facts of(Item item) throws IOException {
    List<Finding> findings = new ArrayList<>();
    Sound sound = null;
    try {
      byte[] bytes = item.audio().bytes();
      if (item.fileName() != null) {
        AudioFile.of(bytes).format().requireName(item.fileName());
      }
      sound = Sound.of(bytes);
      judge(item, sound, findings);
    } catch (Unusable e) {
      add(findings, Check.of(e.reason()), item, e.getMessage());
    }
    judge(item, item.text(), sound, findings);
    UtteranceRow row = item.row();
    long[] tokens = row == null ? null : tokens(item, row.speechToken(), findings);
    int frames = tokens == null || sound == null ? 0 : frames(item, tokens, sound, findings);
    return new Facts(item.utt(), item.spk(), item.text().codePointCount(0, item.text().length()), sound, tokens, frames,
        row == null ? null : embedding(item, "utt_embedding", row.uttEmbedding(), findings),
        row == null ? null : embedding(item, "spk_embedding", row.spkEmbedding(), findings), findings);
  }

  private void add(List<Finding> findings, Check check, Item item, String message) {
    findings.add(new Finding(check, split, item.utt(), item.place() + ": " + message));
  }

  private void judge(Item item, Sound s, List<Finding> findings) {
    FlowConfig.Prepare limits = config.prepareConf();
    boolean before = item.row() == null; // later stages take what stage 0 has let through
    if (before && s.seconds() < limits.minSeconds()) {
      add(findings, Check.TOO_SHORT, item, "%.3f s; prepare_conf.min_seconds is %s".formatted(s.seconds(), limits.minSeconds()));
    }
    if (before && s.seconds() > limits.maxSeconds()) {
      add(findings, Check.TOO_LONG, item, "%.3f s; prepare_conf.max_seconds is %s".formatted(s.seconds(), limits.maxSeconds()));
    }
    if (s.rate() < Math.max(minRate, FULL_BANDWIDTH)) {
      add(findings, s.rate() < minRate ? Check.LOW_SAMPLE_RATE : Check.LOW_BANDWIDTH, item, s.rate() + " Hz");
    }
    if (s.peak() == 0) {
      add(findings, Check.SILENT, item, "every sample is 0");
    } else if (s.decibels() < QUIET_DB) {
      add(findings, Check.QUIET, item, "the peak is %.0f dB of full scale".formatted(s.decibels()));
    } else if (s.silent() > SILENT) {
      add(findings, Check.MOSTLY_SILENT, item, "%.0f %% of %.1f s are below -60 dB".formatted(100 * s.silent(), s.seconds()));
    }
    if (s.clipped() > CLIPPED) {
      add(findings, Check.CLIPPED, item, "%.2f %% of the samples are at full scale".formatted(100 * s.clipped()));
    }
  }

  private void judge(Item item, String text, Sound sound, List<Finding> findings) {
    if (text.isBlank()) {
      add(findings, Check.EMPTY_TEXT, item, "no words");
      return;
    }
    if (text.codePoints().noneMatch(Character::isLetterOrDigit)) {
      add(findings, Check.NO_WORDS, item, "'" + text + "'");
    }
    if (text.codePoints().anyMatch(c -> c == 0xFFFD || Character.isISOControl(c) && c != '\t')) {
      add(findings, Check.DAMAGED_TEXT, item, "'" + text + "'");
    }
    if (sound != null && text.length() > FASTEST * Math.max(1, sound.seconds())) {
      add(findings, Check.TEXT_TOO_LONG, item, "%d characters in %.1f s".formatted(text.length(), sound.seconds()));
    }
  }

  private long[] tokens(Item item, long[] flat, List<Finding> findings) {
    if (flat.length == 0) {
      add(findings, Check.NO_TOKENS, item, "speech_token is empty");
      return null;
    }
    if (flat.length % DualCodebook.GROUP != 0) {
      add(findings, Check.BAD_TOKENS, item, flat.length + " tokens are no whole groups of " + DualCodebook.GROUP
          + ", so vq02:vq06 is not 2:3");
      return null;
    }
    try {
      DualCodebook.validate(flat);
    } catch (Unusable e) {
      add(findings, Check.BAD_TOKENS, item, Arrays.stream(flat).allMatch(t -> t >= LLM_OFFSET)
          ? "every id is above " + LLM_OFFSET + ": these are ids of the language model; subtract " + LLM_OFFSET
          : e.getMessage());
      return null;
    }
    long largest = Arrays.stream(flat).max().orElseThrow() + 1; // the time-aligned form has one more for the pad
    if (largest >= config.model().vocabSize()) {
      add(findings, Check.OUT_OF_VOCABULARY, item, "id " + largest + " in time-aligned form; model.vocab_size is "
          + config.model().vocabSize());
    }
    return flat;
  }

  private int frames(Item item, long[] tokens, Sound sound, List<Finding> findings) {
    double covered = tokens.length / DualCodebook.GROUP * GROUP_SECONDS;
    double off = Math.abs(covered - sound.seconds());
    if (off > SLACK_SECONDS + 0.02 * sound.seconds()) {
      boolean other = off > 0.2 * sound.seconds() && off > 2 * SLACK_SECONDS;
      add(findings, other ? Check.TOKENS_OF_OTHER_AUDIO : Check.TOKENS_DRIFT, item,
          "tokens of %.2f s for audio of %.2f s".formatted(covered, sound.seconds()));
    }
    int frames;
    try {
      frames = filter.frames(item.row());
    } catch (Unusable e) {
      add(findings, Check.LEFT_OUT, item, e.reason().id() + ": " + e.getMessage());
      return 0;
    }
    if (item.frames() != null && item.frames() != frames) {
      add(findings, Check.ROWS_DO_NOT_MATCH, item, "utt2num_frames says " + item.frames()
          + " mel frames, tokens and audio give " + frames);
    }
    return frames;
  }

  private double[] embedding(Item item, String column, double[] v, List<Finding> findings) {
    double norm = Math.sqrt(Arrays.stream(v).map(x -> x * x).sum());
    if (v.length != config.model().spkEmbedDim() || !Double.isFinite(norm) || norm == 0) {
      add(findings, Check.BAD_EMBEDDING, item, column + " has " + v.length + " numbers and the L2 norm " + norm);
      return null;
    }
    return v;
  }
}
