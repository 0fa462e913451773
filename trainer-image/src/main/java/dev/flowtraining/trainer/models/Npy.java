package dev.flowtraining.trainer.models;

import dev.flowtraining.trainer.torch.StateDict.DType;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** numpy's {@code .npy}: one array (format: numpy.lib.format, versions 1 to 3). Little-endian only. */
public final class Npy {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final Pattern HEADER =
      Pattern.compile("'descr':\\s*'([^']+)'.*'fortran_order':\\s*(True|False).*'shape':\\s*\\(([^)]*)\\)");

  private Npy() {}

  /** @throws IOException when it is no such file, is cut short or holds another kind of value than numbers */
  public static Tensor read(Path file) throws IOException {
    return parse(Files.readAllBytes(file));
  }

  /** The same of a file's content. */
  public static Tensor parse(byte[] bytes) throws IOException {
    if (bytes.length < 12 || !Arrays.equals(bytes, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw new IOException("it is no .npy array");
    }
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).position(8);
    int length = bytes[6] == 1 ? in.getShort() & 0xffff : in.getInt();
    if (length < 0 || length > in.remaining()) {
      throw new IOException("its header is cut short");
    }
    String header = new String(bytes, in.position(), length, StandardCharsets.UTF_8);
    Matcher m = HEADER.matcher(header);
    if (!m.find()) {
      throw new IOException("its header is not understood: " + header.strip());
    }
    DType type = type(m.group(1));
    long[] shape = Arrays.stream(m.group(3).split(",")).map(String::strip).filter(s -> !s.isEmpty())
        .mapToLong(Long::parseLong).toArray();
    ByteBuffer data = in.position(in.position() + length).slice();
    long wanted = Arrays.stream(shape).reduce(type.bytes(), Math::multiplyExact);
    if (data.remaining() != wanted) {
      throw new IOException("it has " + data.remaining() + " bytes of values, not " + wanted + " for shape "
          + Arrays.toString(shape));
    }
    ByteBuffer values = m.group(2).equals("True") ? rowMajor(data, shape, type.bytes()) : data;
    return new Tensor(type, shape, values.order(ByteOrder.LITTLE_ENDIAN));
  }

  /** The content of a file (version 1) with a row-major float32 array. */
  public static byte[] of(float[] values, long... shape) {
    String dimensions = Arrays.stream(shape).mapToObj(d -> d + ",").collect(Collectors.joining(" "));
    String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dimensions + "), }";
    // the array begins at a multiple of 64
    String padded = header + " ".repeat(63 - (MAGIC.length + 4 + header.length()) % 64) + "\n";
    ByteBuffer out = ByteBuffer.allocate(MAGIC.length + 4 + padded.length() + 4 * values.length)
        .order(ByteOrder.LITTLE_ENDIAN);
    out.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) padded.length());
    out.put(padded.getBytes(StandardCharsets.US_ASCII));
    for (float value : values) {
      out.putFloat(value);
    }
    return out.array();
  }

  private static DType type(String descr) throws IOException {
    return switch (descr) {
      case "<f8" -> DType.FLOAT64;
      case "<f4" -> DType.FLOAT32;
      case "<f2" -> DType.FLOAT16;
      case "<i8" -> DType.INT64;
      case "<i4" -> DType.INT32;
      case "<i2" -> DType.INT16;
      case "|i1" -> DType.INT8;
      case "|u1" -> DType.UINT8;
      case "|b1" -> DType.BOOL;
      default -> throw new IOException("its values are of type " + descr + ", which is not read here");
    };
  }

  private static ByteBuffer rowMajor(ByteBuffer columnMajor, long[] shape, int width) {
    ByteBuffer out = ByteBuffer.allocate(columnMajor.remaining());
    long[] index = new long[shape.length];
    for (int n = 0; n < columnMajor.limit() / width; n++) {
      long at = 0;
      for (int d = 0; d < shape.length; d++) {
        at = at * shape[d] + index[d];
      }
      out.put((int) at * width, columnMajor, n * width, width);
      for (int d = 0; d < shape.length && ++index[d] == shape[d]; d++) {
        index[d] = 0;
      }
    }
    return out;
  }
}
