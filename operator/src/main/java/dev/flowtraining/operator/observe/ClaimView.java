package dev.flowtraining.operator.observe;

import java.util.List;

/** A PersistentVolumeClaim that the spec names. */
public record ClaimView(String name, boolean exists, List<String> accessModes) {

  /** Whether pods on several nodes can read it. */
  public boolean readableByAll() {
    return shareable() || accessModes.contains("ReadOnlyMany");
  }

  public boolean shareable() {
    return accessModes.contains("ReadWriteMany");
  }
}
