package dev.flowtraining.trainer.validate;

import static dev.flowtraining.trainer.validate.Check.Severity.ERROR;
import static dev.flowtraining.trainer.validate.Check.Severity.WARNING;

import dev.flowtraining.trainer.data.RejectReason;
import java.util.Arrays;
import java.util.Locale;

/** What can be wrong with data, how bad it is, and what to do about it. */
enum Check {
  // the files that list the data
  MALFORMED_LINE(ERROR, "correct the line: key, space, value, in UTF-8"),
  DUPLICATE_UTTERANCE(ERROR, "rename or remove one of them"),
  PIPE(ERROR, "commands are never run: write the audio to a file and name that in wav.scp"),
  MISSING_WAV(ERROR, "bring the file back, correct its path (--path-prefix FROM=TO), or remove the line"),
  MISSING_TEXT(ERROR, "add the transcript, or remove the recording"),
  EMPTY_TEXT(ERROR, "write what is said, or remove the recording"),
  MISSING_SPEAKER(ERROR, "add a line 'utterance speaker' to utt2spk"),
  // the audio
  UNUSABLE_AUDIO(ERROR, "the line says what is wrong: record, copy or convert it again, or remove it"),
  NOT_AUDIO(ERROR, "convert it to WAV, FLAC, Ogg Vorbis, Ogg Opus or MP3, or remove it"),
  WRONG_EXTENSION(ERROR, "name it after what it holds, or remove it"),
  UNREADABLE_WAV(ERROR, "check the file and its permissions"),
  TRUNCATED_AUDIO(ERROR, "copy or convert it again"),
  CORRUPT_AUDIO(ERROR, "copy or convert it again"),
  UNKNOWN_LENGTH(ERROR, "write it to a file again, not through a pipe: sox --ignore-length FILE NEW"),
  UNSUPPORTED_ENCODING(ERROR, "convert it to 16-bit PCM WAV"),
  ZERO_SAMPLES(ERROR, "record or convert it again, or remove it"),
  NON_FINITE_SAMPLES(ERROR, "convert it again: NaN or infinity is no sound"),
  SILENT(ERROR, "remove it, or look for a muted channel or a broken conversion"),
  TOO_SHORT(ERROR, "remove or join it, or lower prepare_conf.min_seconds"),
  TOO_LONG(ERROR, "cut it into sentences, or raise prepare_conf.max_seconds"),
  LOW_SAMPLE_RATE(ERROR, "the released models refuse upsampled audio: find the original, or use the built-in models"),
  TRAIN_DEV_LEAKAGE(ERROR, "remove the recording from train or dev: validation must not see training data"),
  NO_DATA(ERROR, "a split needs at least one utterance"),
  // what stages 1 to 3 added
  UNREADABLE_PARQUET(ERROR, "run the stage parquet again, or bring the whole file back"),
  ROWS_DO_NOT_MATCH(ERROR, "utt2num_frames and data.list are of different runs: run the stage parquet again"),
  NO_TOKENS(ERROR, "run the stage speech-tokens again, or remove the utterance"),
  BAD_TOKENS(ERROR, "write groups of vq02 vq02 vq06 vq06 vq06, vq06 + 1024 (run the stage speech-tokens again)"),
  OUT_OF_VOCABULARY(ERROR, "model.vocab_size must be above every id (5121 for Step-Audio's codebooks)"),
  TOKENS_OF_OTHER_AUDIO(ERROR, "tokens and audio differ in length by more than a fifth: run the stage speech-tokens again"),
  BAD_EMBEDDING(ERROR, "run the stage speaker-embedding again; it must be model.spk_embed_dim finite numbers, not all 0"),
  // suspicious
  LOW_BANDWIDTH(WARNING, "below 16 kHz the upper mel bins are empty; find the original recording"),
  CLIPPED(WARNING, "record at a lower level, or remove it: the model learns the distortion"),
  QUIET(WARNING, "normalise it, or check that it is the right channel"),
  MOSTLY_SILENT(WARNING, "cut the silence off"),
  DUPLICATE_AUDIO(WARNING, "remove one of them, unless it is to count twice"),
  NO_WORDS(WARNING, "the transcript has no letter and no digit: write what is said"),
  DAMAGED_TEXT(WARNING, "the transcript has control or replacement characters: export it as UTF-8 again"),
  TEXT_TOO_LONG(WARNING, "nobody speaks so fast: transcript and recording are probably not of each other"),
  LEFT_OUT(WARNING, "training passes over it: correct it, or change dataset_conf.filter_conf"),
  MIXED_VOICES(WARNING, "its utterances resemble each other little: check utt2spk"),
  SPEAKER_MEAN(WARNING, "a speaker has one mean embedding: run the stage speaker-embedding again"),
  TOKENS_DRIFT(WARNING, "tokens cover less or more than the audio: trim both or neither before tokenising"),
  COLLAPSED_CODEBOOK(WARNING, "one code is more than half of all: check the tokenizer and its input");

  enum Severity {
    /** Stages would reject it, or training would learn something wrong. */
    ERROR,
    /** Worth a look. */
    WARNING;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Severity severity;
  private final String todo;

  Check(Severity severity, String todo) {
    this.severity = severity;
    this.todo = todo;
  }

  /** The check that finds what a stage would reject for this reason. */
  static Check of(RejectReason reason) {
    return Arrays.stream(values()).filter(c -> c.name().equals(reason.name())).findFirst().orElse(UNUSABLE_AUDIO);
  }

  Severity severity() {
    return severity;
  }

  String todo() {
    return todo;
  }

  String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
