package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.models.TokenizerFolder;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Which tokenizer a run takes.
 *
 * @param released its files; null for the built-in one
 */
record TokenizerChoice(TokenizerFolder released, FlowConfig.Tokenizer config, String device) {

  /** @throws dev.flowtraining.trainer.StageFailure 66 {@code ModelNotFound} when files are missing */
  static TokenizerChoice of(StageContext context) {
    String option = context.options().tokenizer();
    TokenizerFolder released = option == null || option.equals("builtin") ? null : TokenizerFolder.of(Path.of(option));
    return new TokenizerChoice(released, context.config().tokenizerConf(), context.options().device());
  }

  boolean isBuiltin() {
    return released == null;
  }

  /** Adds all that determines the tokens but the audio. */
  InputHash addTo(InputHash hash) throws IOException {
    return isBuiltin() ? hash.add("builtin").add(config) : released.addTo(hash.add("released").add(config.trim()));
  }

  /** Opens the released one; the built-in one comes from its codebooks. */
  SpeechTokenizer open() {
    return ReleasedTokenizer.open(released, config.trim(), device);
  }
}
