package dev.flowtraining.trainer.model;

import dev.flowtraining.trainer.torch.StateDict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How a checkpoint's tensors differ from those of a model.
 *
 * @param missing names that the checkpoint lacks
 * @param unknown names that the model lacks
 * @param otherShape {@code name [shape there] instead of [shape of the model]}
 * @param sizes settings that would make the model the checkpoint's, as {@code model.estimator.depth: 8 (is 16)}
 */
public record KeyDifferences(
    List<String> missing, List<String> unknown, List<String> otherShape, List<String> sizes) {
  private static final int SHOWN = 12;

  public static KeyDifferences of(StateDict state, List<Parameters.Slot> slots) {
    Map<String, long[]> model = new LinkedHashMap<>();
    slots.forEach(slot -> model.put(slot.spec().name(), slot.spec().shape()));
    Map<String, long[]> there = new LinkedHashMap<>();
    state.tensors().forEach((name, tensor) -> there.put(name, tensor.shape()));
    List<String> otherShape = new ArrayList<>();
    model.forEach((name, shape) -> {
      if (there.containsKey(name) && !Arrays.equals(there.get(name), shape)) {
        otherShape.add(name + " " + Arrays.toString(there.get(name)) + " instead of " + Arrays.toString(shape));
      }
    });
    return new KeyDifferences(model.keySet().stream().filter(k -> !there.containsKey(k)).toList(),
        there.keySet().stream().filter(k -> !model.containsKey(k)).toList(), List.copyOf(otherShape),
        sizes(ModelSizes.of(there), ModelSizes.of(model)));
  }

  private static List<String> sizes(Map<String, Object> there, Map<String, Object> model) {
    return there.entrySet().stream().filter(e -> !Objects.equals(model.get(e.getKey()), e.getValue()))
        .map(e -> e.getKey() + ": " + e.getValue() + " (is " + model.get(e.getKey()) + ")").toList();
  }

  public boolean none() {
    return missing.isEmpty() && unknown.isEmpty() && otherShape.isEmpty();
  }

  /** How many of each kind, the first of each, and which settings would fit. */
  public String text() {
    String prefix = prefix();
    return String.join("; ", List.of(kind("missing", missing), kind("unknown", unknown), kind("other shape", otherShape),
        prefix == null ? "" : "every key of the checkpoint begins with '" + prefix + "': save it without",
        sizes.isEmpty() || prefix != null ? "" : "the checkpoint's model has " + String.join(", ", sizes)).stream()
        .filter(s -> !s.isEmpty()).toList());
  }

  private static String kind(String title, List<String> keys) {
    return keys.isEmpty() ? "" : title + " (" + keys.size() + "): "
        + String.join(", ", keys.subList(0, Math.min(keys.size(), SHOWN))) + (keys.size() > SHOWN ? ", …" : "");
  }

  /** What wrappers such as torch's DDP put before every key, or null. */
  private String prefix() {
    if (missing.isEmpty() || unknown.isEmpty()) {
      return null;
    }
    String some = missing.getFirst();
    return unknown.stream().filter(k -> k.endsWith("." + some)).map(k -> k.substring(0, k.length() - some.length()))
        .filter(p -> unknown.stream().allMatch(k -> k.startsWith(p))).findFirst().orElse(null);
  }
}
