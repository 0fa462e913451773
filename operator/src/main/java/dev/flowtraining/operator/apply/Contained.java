package dev.flowtraining.operator.apply;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.stream.IntStream;

/** Whether an object already says all that another one says; defaults and what others wrote do not count. */
final class Contained {

  private static final ObjectMapper JSON = new ObjectMapper();

  private Contained() {
  }

  static boolean in(HasMetadata existing, HasMetadata wanted) {
    return in(JSON.<JsonNode>valueToTree(existing), JSON.valueToTree(wanted));
  }

  private static boolean in(JsonNode existing, JsonNode wanted) {
    if (wanted.isObject()) {
      return wanted.properties().stream().allMatch(e -> in(existing.path(e.getKey()), e.getValue()));
    }
    if (wanted.isArray()) {
      return existing.size() == wanted.size()
          && IntStream.range(0, wanted.size()).allMatch(i -> in(existing.get(i), wanted.get(i)));
    }
    return wanted.equals(existing);
  }
}
