package dev.flowtraining.operator.observe;

import java.util.List;

/** A PersistentVolumeClaim that the spec names. */
public record ClaimView(String name, boolean exists, List<String> accessModes) {

  public boolean shareable() {
    return accessModes.contains("ReadWriteMany");
  }
}
