package dev.flowtraining.trainer.torch;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Device work that was recorded once and is replayed with one call, which takes the host out of it: libtorch's
 * {@code at::cuda::CUDAGraph}. Everything that is read or written while recording stays where it is.
 */
@SuppressWarnings("restricted") // native access is what this class is for
public final class CudaGraph implements AutoCloseable {
  /** Much more than the object takes in any version. */
  private static final long OBJECT_BYTES = 4096;
  /** {@code cudaStreamCaptureModeRelaxed}: libraries may load kernels and plan while they are recorded. */
  private static final int RELAXED = 2;

  private static final StructLayout POOL = MemoryLayout.structLayout(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);
  private static Optional<Symbols> symbols;

  private record Symbols(MethodHandle poolHandle, MethodHandle construct, boolean flagged, MethodHandle begin,
      MethodHandle end, MethodHandle replay, MethodHandle destruct) {}

  /** Memory that recordings share: one at a time is replayed, so they may use the same. */
  public static final class Pool {
    private final MemorySegment id;

    public Pool() {
      id = Cuda.require().call(
          () -> (MemorySegment) symbols().orElseThrow().poolHandle.invokeExact((SegmentAllocator) Arena.global()));
    }
  }

  private final Arena arena = Arena.ofShared();
  private final MemorySegment object = arena.allocate(OBJECT_BYTES, 64);

  private CudaGraph() {}

  /** Whether this libtorch has what recording needs; the fallback is to run the work each time. */
  public static boolean available() {
    return symbols().isPresent();
  }

  /**
   * Records what the work asks of the device, without doing it. The work copies nothing from the host and reads nothing
   * back, and some work of its kind has been done, so that libraries have set up what they keep on the device.
   * {@link Cuda#useOwnStream} comes first.
   *
   * @param work is given what it may call to cut: one recording ends there and the next begins
   * @return the recordings, to be replayed in their order
   */
  public static List<CudaGraph> record(Pool pool, Consumer<Runnable> work) {
    List<CudaGraph> graphs = new ArrayList<>(List.of(begin(pool)));
    work.accept(() -> {
      graphs.getLast().end();
      graphs.add(begin(pool));
    });
    graphs.getLast().end();
    return graphs;
  }

  private static CudaGraph begin(Pool pool) {
    CudaGraph graph = new CudaGraph();
    Symbols s = symbols().orElseThrow();
    graph.call(() -> {
      if (s.flagged) {
        s.construct.invokeExact(graph.object, false);
      } else {
        s.construct.invokeExact(graph.object);
      }
      s.begin.invokeExact(graph.object, pool.id, RELAXED);
    });
    return graph;
  }

  private void end() {
    call(() -> { symbols().orElseThrow().end.invokeExact(object); });
  }

  /** Asks the device to do the work; returns before it is done. */
  public void replay() {
    call(() -> { symbols().orElseThrow().replay.invokeExact(object); });
  }

  @Override
  public void close() {
    call(() -> { symbols().orElseThrow().destruct.invokeExact(object); });
    arena.close();
  }

  private interface Call {
    void run() throws Throwable;
  }

  private void call(Call call) {
    Cuda.require().call(() -> {
      call.run();
      return null;
    });
  }

  private static synchronized Optional<Symbols> symbols() {
    if (symbols == null) {
      symbols = Cuda.get().isPresent() ? LibTorch.library("libtorch_cuda.so").flatMap(CudaGraph::find) : Optional.empty();
    }
    return symbols;
  }

  private static Optional<Symbols> find(SymbolLookup torch) {
    String at = "_ZN2at4cuda9CUDAGraph";
    FunctionDescriptor plain = FunctionDescriptor.ofVoid(ValueLayout.ADDRESS);
    Optional<MethodHandle> pool =
        LibTorch.optional(torch, "_ZN2at4cuda17graph_pool_handleEv", FunctionDescriptor.of(POOL));
    // newer versions can keep the graph beside its executable form
    Optional<MethodHandle> flagged = LibTorch.optional(torch, at + "C1Eb",
        FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_BOOLEAN));
    Optional<MethodHandle> construct = flagged.or(() -> LibTorch.optional(torch, at + "C1Ev", plain));
    Optional<MethodHandle> begin = LibTorch.optional(torch, at + "13capture_beginESt4pairIyyE21cudaStreamCaptureMode",
        FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, POOL, ValueLayout.JAVA_INT));
    Optional<MethodHandle> end = LibTorch.optional(torch, at + "11capture_endEv", plain);
    Optional<MethodHandle> replay = LibTorch.optional(torch, at + "6replayEv", plain);
    Optional<MethodHandle> destruct = LibTorch.optional(torch, at + "D1Ev", plain);
    if (pool.isEmpty() || construct.isEmpty() || begin.isEmpty() || end.isEmpty() || replay.isEmpty()
        || destruct.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(new Symbols(pool.get(), construct.get(), flagged.isPresent(), begin.get(), end.get(),
        replay.get(), destruct.get()));
  }
}
