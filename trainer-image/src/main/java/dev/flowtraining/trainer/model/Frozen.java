package dev.flowtraining.trainer.model;

import dev.flowtraining.trainer.config.ModelConfig;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Which parameters {@code train_conf.freeze} means. */
public final class Frozen {
  private Frozen() {}

  /** The names that some pattern matches. */
  public static Set<String> names(ModelConfig model, List<String> patterns) {
    return FlowModelParameters.of(model).stream().map(ParameterSpec::name)
        .filter(name -> patterns.stream().anyMatch(p -> matching(p).test(name))).collect(Collectors.toSet());
  }

  /**
   * A pattern with {@code *} (anything, dots too) or {@code ?} (one character) stands for the whole name; any other for
   * the name itself, or for what stands before one of its dots: {@code encoder} is not {@code encoder_proj.weight}.
   */
  public static Predicate<String> matching(String pattern) {
    if (pattern.contains("*") || pattern.contains("?")) {
      String regex = Pattern.quote(pattern).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q");
      return Pattern.compile(regex).asMatchPredicate();
    }
    String prefix = pattern.endsWith(".") ? pattern : pattern + ".";
    return name -> name.equals(pattern) || name.startsWith(prefix);
  }
}
