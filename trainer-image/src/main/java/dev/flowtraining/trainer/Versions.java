package dev.flowtraining.trainer;

import ai.djl.engine.Engine;
import ai.onnxruntime.OrtEnvironment;
import java.util.Map;
import java.util.TreeMap;

/** The software that a result was made with, as far as the jars say it. */
public final class Versions {

  private Versions() {}

  public static Map<String, String> all() {
    Map<String, String> versions = new TreeMap<>();
    versions.put("java", Runtime.version().toString());
    versions.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
        + System.getProperty("os.arch"));
    put(versions, "flow-trainer", Versions.class);
    versions.put("djl", Engine.getDjlVersion());
    String libtorch = System.getenv("PYTORCH_VERSION"); // set by bin/flow-trainer from the libraries beside it
    if (libtorch != null) {
      versions.put("libtorch", libtorch);
    }
    put(versions, "onnxruntime", OrtEnvironment.class);
    return versions;
  }

  private static void put(Map<String, String> versions, String name, Class<?> from) {
    String version = from.getPackage().getImplementationVersion();
    if (version != null) {
      versions.put(name, version);
    }
  }
}
