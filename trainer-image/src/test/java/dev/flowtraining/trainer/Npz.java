package dev.flowtraining.trainer;

import dev.flowtraining.trainer.models.Npy;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Reads numpy's {@code .npz} and {@code .npy}. */
public final class Npz {
  private Npz() {}

  /** The arrays by name, in the order of the file. An {@code .npy} has one, named like the file. */
  public static Map<String, Tensor> read(Path path) {
    Map<String, Tensor> arrays = new LinkedHashMap<>();
    try {
      String fileName = path.getFileName().toString();
      if (fileName.endsWith(".npy")) {
        arrays.put(bare(fileName), Npy.parse(Files.readAllBytes(path)));
        return arrays;
      }
      try (ZipFile zip = new ZipFile(path.toFile())) {
        for (ZipEntry entry : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
          arrays.put(bare(entry.getName()), Npy.parse(zip.getInputStream(entry).readAllBytes()));
        }
      }
      return arrays;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + path, e);
    }
  }

  private static String bare(String name) {
    return name.endsWith(".npy") ? name.substring(0, name.length() - 4) : name;
  }
}
