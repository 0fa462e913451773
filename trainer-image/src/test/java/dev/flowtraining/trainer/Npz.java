package dev.flowtraining.trainer;

import dev.flowtraining.trainer.torch.StateDict.DType;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Reads numpy's {@code .npz} and {@code .npy} (format: numpy.lib.format, versions 1 to 3). */
public final class Npz {
  private static final Pattern HEADER =
      Pattern.compile("'descr':\\s*'([^']+)'.*'fortran_order':\\s*(True|False).*'shape':\\s*\\(([^)]*)\\)");

  private Npz() {}

  /** The arrays by name, in the order of the file. An {@code .npy} has one, named like the file. */
  public static Map<String, Tensor> read(Path path) {
    Map<String, Tensor> arrays = new LinkedHashMap<>();
    try {
      String fileName = path.getFileName().toString();
      if (fileName.endsWith(".npy")) {
        arrays.put(bare(fileName), array(Files.readAllBytes(path)));
        return arrays;
      }
      try (ZipFile zip = new ZipFile(path.toFile())) {
        for (ZipEntry entry : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
          arrays.put(bare(entry.getName()), array(zip.getInputStream(entry).readAllBytes()));
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

  private static Tensor array(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if ((in.getLong() & 0xffffffffffffL) != 0x59504d554e93L) { // \x93NUMPY
      throw new IllegalArgumentException("not an npy array");
    }
    int headerLength;
    if (bytes[6] == 1) {
      headerLength = in.getShort() & 0xffff;
    } else {
      headerLength = in.getInt();
    }
    String header = new String(bytes, in.position(), headerLength, StandardCharsets.UTF_8);
    Matcher m = HEADER.matcher(header);
    if (!m.find()) {
      throw new IllegalArgumentException("npy header not understood: " + header);
    }
    long[] shape = Arrays.stream(m.group(3).split(",")).map(String::strip).filter(s -> !s.isEmpty())
        .mapToLong(Long::parseLong).toArray();
    DType type = type(m.group(1));
    ByteBuffer data = in.position(in.position() + headerLength).slice().order(ByteOrder.LITTLE_ENDIAN);
    return new Tensor(type, shape, m.group(2).equals("True") ? rowMajor(data, shape, type.bytes()) : data);
  }

  private static DType type(String descr) {
    return switch (descr.substring(1)) {
      case "f8" -> DType.FLOAT64;
      case "f4" -> DType.FLOAT32;
      case "f2" -> DType.FLOAT16;
      case "i8" -> DType.INT64;
      case "i4" -> DType.INT32;
      case "i2" -> DType.INT16;
      case "i1" -> DType.INT8;
      case "u1" -> DType.UINT8;
      case "b1" -> DType.BOOL;
      default -> throw new IllegalArgumentException("dtype " + descr + " is not read here");
    };
  }

  private static ByteBuffer rowMajor(ByteBuffer columnMajor, long[] shape, int width) {
    ByteBuffer out = ByteBuffer.allocate(columnMajor.remaining()).order(ByteOrder.LITTLE_ENDIAN);
    long[] index = new long[shape.length];
    for (int n = 0; n < columnMajor.limit() / width; n++) {
      long at = 0;
      for (int d = shape.length - 1; d >= 0; d--) {
        at = at * shape[d] + index[d];
      }
      out.put(columnMajor.slice((int) at * width, width));
      for (int d = shape.length - 1; d >= 0 && ++index[d] == shape[d]; d--) {
        index[d] = 0;
      }
    }
    return out.flip();
  }
}
