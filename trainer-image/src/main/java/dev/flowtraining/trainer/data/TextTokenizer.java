package dev.flowtraining.trainer.data;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.GptBytePairEncodingParams;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Counts the tokens of a transcript; the flow model reads no text, but the filter weighs it. Thread-safe. */
@FunctionalInterface
public interface TextTokenizer {

  int count(String text);

  /**
   * @param name {@code builtin}, which counts words, numbers, signs and ideographs, or a file of byte-pair ranks in
   *     tiktoken's form ({@code base64 rank} a line), split by GPT-2's pattern as whisper splits
   * @throws StageFailure 66 {@code ModelNotFound}, 64 {@code MalformedLine}
   */
  static TextTokenizer of(String name) {
    return name.equals("builtin") ? TextTokenizer::words : bytePairs(Path.of(name))::countTokensOrdinary;
  }

  private static int words(String text) {
    Matcher pieces = Patterns.WORD.matcher(text);
    int count = 0;
    while (pieces.find()) {
      count++;
    }
    return count;
  }

  private static Encoding bytePairs(Path file) {
    Map<byte[], Integer> ranks = new HashMap<>();
    try {
      for (String line : Files.readAllLines(file)) {
        String[] parts = line.split(" ");
        if (!parts[0].equals("=")) { // whisper's file ends with one for the empty token, which no text has
          ranks.put(Base64.getDecoder().decode(parts[0]), Integer.parseInt(parts[1]));
        }
      }
    } catch (IOException e) {
      throw new StageFailure(ExitCode.MISSING, "ModelNotFound", "dataset_conf.filter_conf.text_tokenizer " + file
          + " cannot be read (" + e + "); give a .tiktoken file, or builtin", e);
    } catch (RuntimeException e) {
      throw new StageFailure(ExitCode.BAD_DATA, "MalformedLine", "dataset_conf.filter_conf.text_tokenizer " + file
          + " has a line that is not 'base64 rank' (" + e.getMessage() + ")", e);
    }
    EncodingRegistry registry = Encodings.newLazyEncodingRegistry();
    registry.registerGptBytePairEncoding(
        new GptBytePairEncodingParams(file.toString(), Patterns.GPT2, ranks, Map.of()));
    return registry.getEncoding(file.toString()).orElseThrow();
  }

  /** Compiled once. */
  final class Patterns {
    private static final Pattern WORD =
        Pattern.compile("\\p{IsIdeographic}|[\\p{L}\\p{M}\\p{N}&&[^\\p{IsIdeographic}]]+|[^\\s\\p{L}\\p{M}\\p{N}]");
    private static final Pattern GPT2 = Pattern.compile(
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        Pattern.UNICODE_CHARACTER_CLASS);

    private Patterns() {}
  }
}
