package dev.flowtraining.trainer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.torch.StateDict;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The numbers to agree with. Any folder of the same form serves: {@code -Dfixtures.dir=FOLDER}. */
public final class Fixtures {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Fixtures() {}

  /** The folder itself. */
  public static Path dir() {
    String dir = System.getProperty("fixtures.dir");
    if (dir == null) {
      throw new IllegalStateException("set -Dfixtures.dir to the folder of fixtures");
    }
    return Path.of(dir);
  }

  /** A file in the folder, such as {@code tiny/flow.pt}. */
  public static Path file(String name) {
    Path file = dir().resolve(name);
    if (!Files.exists(file)) {
      throw new IllegalStateException("fixtures lack " + file);
    }
    return file;
  }

  /** A JSON file in the folder. */
  public static JsonNode json(String name) {
    try {
      return JSON.readTree(file(name).toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The arrays of an {@code .npz} in the folder, in the order of the file. */
  public static Map<String, StateDict.Tensor> npz(String name) {
    return Npz.read(file(name));
  }
}
