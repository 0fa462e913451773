package dev.flowtraining.trainer.torch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a torch checkpoint file holds: named tensors in order, and plain integers such as {@code epoch} and {@code step}.
 */
public record StateDict(LinkedHashMap<String, Tensor> tensors, LinkedHashMap<String, Long> integers) {

  public StateDict(LinkedHashMap<String, Tensor> tensors) {
    this(tensors, new LinkedHashMap<>());
  }

  /** The element types that appear in checkpoints of this kind. */
  public enum DType {
    FLOAT64(8), FLOAT32(4), FLOAT16(2), BFLOAT16(2), INT64(8), INT32(4), INT16(2), INT8(1), UINT8(1), BOOL(1);

    private final int bytes;

    DType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }
  }

  /**
   * A contiguous tensor in row-major order.
   *
   * @param data little-endian, position 0, limit = bytes; may be direct or mapped
   */
  public record Tensor(DType dtype, long[] shape, ByteBuffer data) {

    public long elements() {
      long n = 1;
      for (long d : shape) {
        n *= d;
      }
      return n;
    }

    /** A float32 tensor that holds a copy of the values. */
    public static Tensor of(float[] values, long... shape) {
      ByteBuffer data = ByteBuffer.allocate(Math.multiplyExact(values.length, 4)).order(ByteOrder.LITTLE_ENDIAN);
      data.asFloatBuffer().put(values);
      return new Tensor(DType.FLOAT32, shape, data);
    }

    /** The values as float32, whatever the element type; half types are widened, booleans are 0 and 1. */
    public float[] floats() {
      float[] values = new float[Math.toIntExact(elements())];
      if (dtype == DType.FLOAT32) {
        bytes().asFloatBuffer().get(values);
        return values;
      }
      ByteBuffer in = bytes();
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) value(in, i);
      }
      return values;
    }

    /** The values as float64, whatever the element type. */
    public double[] doubles() {
      double[] values = new double[Math.toIntExact(elements())];
      ByteBuffer in = bytes();
      for (int i = 0; i < values.length; i++) {
        values[i] = value(in, i);
      }
      return values;
    }

    /** The values as integers; fractions are cut off. */
    public long[] longs() {
      long[] values = new long[Math.toIntExact(elements())];
      ByteBuffer in = bytes();
      for (int i = 0; i < values.length; i++) {
        values[i] = dtype == DType.INT64 ? in.getLong(8 * i) : (long) value(in, i);
      }
      return values;
    }

    private ByteBuffer bytes() {
      return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    private double value(ByteBuffer in, int i) {
      return switch (dtype) {
        case FLOAT64 -> in.getDouble(8 * i);
        case FLOAT32 -> in.getFloat(4 * i);
        case FLOAT16 -> Float.float16ToFloat(in.getShort(2 * i));
        case BFLOAT16 -> Float.intBitsToFloat(in.getShort(2 * i) << 16);
        case INT64 -> in.getLong(8 * i);
        case INT32 -> in.getInt(4 * i);
        case INT16 -> in.getShort(2 * i);
        case INT8, BOOL -> in.get(i);
        case UINT8 -> in.get(i) & 0xff;
      };
    }
  }

  /** The integer under a name, or a value when it is not there. */
  public long integer(String name, long otherwise) {
    return integers.getOrDefault(name, otherwise);
  }

  public static StateDict of(Map<String, Tensor> tensors, Map<String, Long> integers) {
    return new StateDict(new LinkedHashMap<>(tensors), new LinkedHashMap<>(integers));
  }
}
