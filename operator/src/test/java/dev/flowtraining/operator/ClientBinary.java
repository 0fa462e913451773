package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** kubectl, helm, prometheus and promtool, beside the API server that the tests run. */
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

  /**
   * One of them with arguments, which must do well.
   *
   * @return what it printed
   */
  static String run(Object... command) throws IOException, InterruptedException {
    Process process = start(command);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(err).isZero();
    return out;
  }

  static Process start(Object... command) throws IOException {
    List<String> words = new ArrayList<>(Arrays.stream(command).map(Object::toString).toList());
    words.set(0, of(words.getFirst()).toString());
    return new ProcessBuilder(words).start();
  }
}
