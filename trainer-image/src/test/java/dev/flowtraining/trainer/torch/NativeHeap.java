package dev.flowtraining.trainer.torch;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What native code of this process, libtorch above all, holds of memory: glibc's {@code mallinfo2}. */
@SuppressWarnings("restricted") // native access is what this class is for
public final class NativeHeap {
  private static final StructLayout INFO =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(10, ValueLayout.JAVA_LONG));
  private static final int MAPPED = 4;
  private static final int IN_HEAPS = 7;
  private static final MethodHandle MALLINFO = Linker.nativeLinker().downcallHandle(
      Linker.nativeLinker().defaultLookup().findOrThrow("mallinfo2"), FunctionDescriptor.of(INFO));

  private NativeHeap() {}

  /** Bytes. */
  public static long inUse() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = (MemorySegment) MALLINFO.invokeExact((SegmentAllocator) arena);
      return info.getAtIndex(ValueLayout.JAVA_LONG, MAPPED) + info.getAtIndex(ValueLayout.JAVA_LONG, IN_HEAPS);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
