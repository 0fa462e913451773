package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UtteranceFilterTest {
  private final UtteranceFilter filter = filter("builtin");

  /** 1 s to 3 s, 2 to 5 tokens, 0.8 to 2.5 tokens a second. */
  private static UtteranceFilter filter(String tokenizer) {
    return new UtteranceFilter(new FlowConfig.Filter(100, 300, 2, 5, 0.008, 0.025, tokenizer));
  }

  @Test
  void keepsWhatIsWithinTheLimits() throws Unusable {
    filter.check(1.0, "two words", 5);
    filter.check(3.0, "here are five words now", 5);
    filter.check(2.5, "one two", 5);
  }

  @Test
  void saysWhatItLeavesOutAndWhy() {
    refused(0.99, "two words", 5, RejectReason.TOO_SHORT, "min_length is 100");
    refused(3.01, "two words here", 5, RejectReason.TOO_LONG, "max_length is 300");
    refused(1.2, "word", 5, RejectReason.TEXT_LENGTH, "token_min_length is 2");
    refused(3.0, "six words are here in all", 5, RejectReason.TEXT_LENGTH, "token_max_length is 5");
    refused(2, "two words", 0, RejectReason.NO_TOKENS, "no speech token");
    refused(2.6, "two words", 5, RejectReason.TEXT_RATIO, "min_output_input_ratio is 0.008");
    refused(1.0, "now three words", 5, RejectReason.TEXT_RATIO, "max_output_input_ratio is 0.025");
  }

  private void refused(double seconds, String text, int tokens, RejectReason reason, String message) {
    assertThatThrownBy(() -> filter.check(seconds, text, tokens)).hasMessageContaining(message)
        .isInstanceOfSatisfying(Unusable.class, e -> assertThat(e.reason()).isEqualTo(reason));
  }

  @Test
  void countsWordsSignsAndIdeographs() {
    TextTokenizer builtin = TextTokenizer.of("builtin");
    assertThat(builtin.count("Hello, wörld!")).isEqualTo(4);
    assertThat(builtin.count("你好 world 42")).isEqualTo(4);
    assertThat(builtin.count("  ")).isZero();
  }

  @Test
  void countsBytePairsOfAFile(@TempDir Path folder) throws IOException {
    StringBuilder ranks = new StringBuilder();
    int rank = 0;
    for (String token : new String[] {"a", "b", " ", "ab", " ab"}) {
      ranks.append(Base64.getEncoder().encodeToString(token.getBytes(StandardCharsets.UTF_8))).append(' ')
          .append(rank++).append('\n');
    }
    Path file = Files.writeString(folder.resolve("small.tiktoken"), ranks.append("= ").append(rank).append('\n'));
    TextTokenizer tokenizer = TextTokenizer.of(file.toString());
    assertThat(tokenizer.count("ab ab")).isEqualTo(2);
    assertThat(tokenizer.count("aab")).isEqualTo(2);
    Files.writeString(file, "not a rank\n");
    assertThatThrownBy(() -> TextTokenizer.of(file.toString())).isInstanceOf(StageFailure.class)
        .hasMessageContaining("base64 rank");
    assertThatThrownBy(() -> TextTokenizer.of("/none")).isInstanceOf(StageFailure.class)
        .hasMessageContaining("builtin");
  }
}
