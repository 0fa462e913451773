package dev.flowtraining.operator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** kubectl and helm, beside the API server that the tests run. */
public final class ClientBinary {

  private ClientBinary() {
  }

  public static Path of(String name) throws IOException {
    Path folder = Path.of(System.getenv("KUBE_API_TEST_DIR"), "k8s");
    try (Stream<Path> found = Files.walk(folder, 2)) {
      return found.filter(p -> p.getFileName().toString().equals(name)).findFirst().orElseThrow(() ->
          new IOException(name + " is not under " + folder + ": kind/node-image.sh binaries puts it there"));
    }
  }
}
