package dev.flowtraining.trainer.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;

/** The keys of a config and their types, read from the records themselves. */
final class ConfigKeys {

  private ConfigKeys() {}

  /** The keys of a section in order, with the Java type of each. */
  static Map<String, Type> of(Class<?> section) {
    Map<String, Type> keys = new LinkedHashMap<>();
    for (RecordComponent c : section.getRecordComponents()) {
      keys.put(PropertyNamingStrategies.SnakeCaseStrategy.INSTANCE.translate(c.getName()), c.getGenericType());
    }
    return keys;
  }

  /** What a user is told to write for a type. */
  static String expected(Type type) {
    return switch (type.getTypeName()) {
      case "int", "long" -> "a whole number";
      case "double" -> "a number";
      case "java.lang.Double" -> "a number or null";
      case "boolean" -> "true or false";
      case "java.lang.String" -> "a word";
      case "java.util.List<java.lang.Double>" -> "a list of numbers";
      case "java.util.List<java.lang.String>" -> "a list of words";
      default -> "a section with keys of its own";
    };
  }

  /** The key with the smallest edit distance. */
  static String nearest(String key, Collection<String> valid) {
    return valid.stream().min(Comparator.comparingInt(v -> distance(key, v))).orElseThrow();
  }

  /** Levenshtein's distance. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substitute = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substitute, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
