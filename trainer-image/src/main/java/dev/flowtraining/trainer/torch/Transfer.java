package dev.flowtraining.trainer.torch;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Host arrays laid side by side and sent to a device in one copy, from pinned memory, so that the host waits for
 * nothing and a captured graph finds them at one place. Each part starts at a multiple of 64 bytes.
 */
public final class Transfer {
  private static final int ALIGNMENT = 16; // elements

  private record Part(float[] values, Shape shape, long offset) {}

  /** Read to the end before a transfer returns, so each thread has one. */
  private static final ThreadLocal<ByteBuffer> STAGING = ThreadLocal.withInitial(() -> allocate(0));

  private final List<Part> parts = new ArrayList<>();
  private long size;

  /** Adds an array. @return its number, for {@link #view} */
  public int add(float[] values, long... shape) {
    parts.add(new Part(values, new Shape(shape), size));
    size += Math.ceilDiv((long) values.length, ALIGNMENT) * ALIGNMENT;
    return parts.size() - 1;
  }

  /** Elements of the buffer. */
  public long size() {
    return size;
  }

  /** A buffer of the manager's device with all parts. */
  public NDArray send(NDManager manager) {
    if (!manager.getDevice().isGpu()) {
      return manager.create(pack(allocate(size)), new Shape(size), DataType.FLOAT32);
    }
    NDArray buffer = manager.create(new Shape(size));
    send(manager, buffer);
    return buffer;
  }

  /** Fills the first {@link #size} elements of a buffer, one that a graph reads, say; returns before it is done. */
  public void send(NDManager manager, NDArray buffer) {
    try (NDManager scope = manager.newSubManager(); NDManager host = manager.newSubManager(Device.cpu())) {
      ByteBuffer staging = STAGING.get();
      if (staging.capacity() < size * Float.BYTES) {
        staging = allocate(size * 5 / 4);
        STAGING.set(staging);
      }
      ByteBuffer bytes = staging.slice(0, Math.toIntExact(size * Float.BYTES)).order(ByteOrder.nativeOrder());
      pack(bytes);
      NDArray pinned = Tensors.pinned(host.create(bytes, new Shape(size), DataType.FLOAT32));
      Tensors.copyLater(Operators.narrow(Tensors.alias(scope, buffer), 0, 0, size), pinned);
    }
  }

  private static ByteBuffer allocate(long floats) {
    return ByteBuffer.allocateDirect(Math.toIntExact(floats * Float.BYTES)).order(ByteOrder.nativeOrder());
  }

  private ByteBuffer pack(ByteBuffer bytes) {
    FloatBuffer floats = bytes.asFloatBuffer();
    parts.forEach(p -> floats.put(Math.toIntExact(p.offset), p.values));
    return bytes;
  }

  /** One part of a buffer that was sent. */
  public NDArray view(NDArray buffer, int part) {
    return viewAfter(buffer, 0, part);
  }

  /** One part of a buffer that begins with another part, as a {@link #stretch} does. */
  public NDArray viewAfter(NDArray stretch, int first, int part) {
    Part p = parts.get(part);
    return Operators.narrow(stretch, 0, p.offset - parts.get(first).offset, p.values.length).reshape(p.shape);
  }

  /** From one part of a buffer to another, both included, in one stretch. */
  public NDArray stretch(NDArray buffer, int first, int last) {
    long start = parts.get(first).offset;
    return Operators.narrow(buffer, 0, start, parts.get(last).offset + parts.get(last).values.length - start);
  }
}
