package dev.flowtraining.trainer.collective;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A communicator of NCCL, the library that came with libtorch. Its calls ask the device for work on a stream and return
 * before it is done. Buffers are float32 in the memory of this rank's device.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class NcclCommunicator implements AutoCloseable {
  static final int ID_BYTES = 128;
  private static final StructLayout ID =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(ID_BYTES, ValueLayout.JAVA_BYTE));
  private static final int SUCCESS = 0;
  private static final int IN_PROGRESS = 7;
  private static final int FLOAT32 = 7;
  private static final int SUM = 0;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /** NCCL's entry points. */
  private static final class Library {
    static final Linker LINKER = Linker.nativeLinker();
    static final SymbolLookup NCCL = lookup();
    static final MethodHandle UNIQUE_ID = find("ncclGetUniqueId", ValueLayout.ADDRESS);
    static final MethodHandle INIT = find("ncclCommInitRank", ValueLayout.ADDRESS, INT, ID, INT);
    static final MethodHandle ALL_REDUCE = find("ncclAllReduce",
        ValueLayout.ADDRESS, ValueLayout.ADDRESS, LONG, INT, INT, LONG, LONG);
    static final MethodHandle REDUCE_SCATTER = find("ncclReduceScatter",
        ValueLayout.ADDRESS, ValueLayout.ADDRESS, LONG, INT, INT, LONG, LONG);
    static final MethodHandle REDUCE = find("ncclReduce",
        ValueLayout.ADDRESS, ValueLayout.ADDRESS, LONG, INT, INT, INT, LONG, LONG);
    static final MethodHandle ALL_GATHER = find("ncclAllGather",
        ValueLayout.ADDRESS, ValueLayout.ADDRESS, LONG, INT, LONG, LONG);
    static final MethodHandle BROADCAST = find("ncclBroadcast",
        ValueLayout.ADDRESS, ValueLayout.ADDRESS, LONG, INT, INT, LONG, LONG);
    static final MethodHandle ASYNC_ERROR = find("ncclCommGetAsyncError", LONG, ValueLayout.ADDRESS);
    static final MethodHandle ABORT = find("ncclCommAbort", LONG);
    static final MethodHandle DESTROY = find("ncclCommDestroy", LONG);
    static final MethodHandle ERROR_STRING = LINKER.downcallHandle(
        NCCL.findOrThrow("ncclGetErrorString"), FunctionDescriptor.of(ValueLayout.ADDRESS, INT));

    private static SymbolLookup lookup() {
      avoidMulticast();
      try {
        return SymbolLookup.libraryLookup("libnccl.so.2", Arena.global());
      } catch (IllegalArgumentException e) {
        throw new StageFailure(ExitCode.MISSING, "NcclNotFound", "libnccl.so.2 is not loaded: ranks on GPUs need a "
            + "libtorch that links to NCCL, as the image for CUDA has it", e);
      }
    }

    /** NVLink's multicast (NVLS) breaks in containers (nccl#1788, #2077), so it is used only where it is asked for. */
    private static void avoidMulticast() {
      try (Arena arena = Arena.ofConfined()) {
        MethodHandle setenv = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("setenv"),
            FunctionDescriptor.of(INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, INT));
        int _ = (int) setenv.invokeExact(arena.allocateFrom("NCCL_NVLS_ENABLE"), arena.allocateFrom("0"), 0);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("cannot set NCCL_NVLS_ENABLE", e);
      }
    }

    private static MethodHandle find(String name, MemoryLayout... arguments) {
      return LINKER.downcallHandle(NCCL.findOrThrow(name), FunctionDescriptor.of(INT, arguments));
    }
  }

  private final long handle;
  private final int ranks;
  private boolean ended;

  private NcclCommunicator(long handle, int ranks) {
    this.handle = handle;
    this.ranks = ranks;
  }

  /** What all ranks of a communicator know; one of them makes it. */
  static byte[] uniqueId() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment id = arena.allocate(ID);
      check("ncclGetUniqueId", () -> (int) Library.UNIQUE_ID.invokeExact(id));
      return id.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Waits for all ranks. The thread's current device is the rank's. */
  static NcclCommunicator join(byte[] uniqueId, int ranks, int rank) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment id = arena.allocate(ID).copyFrom(MemorySegment.ofArray(uniqueId));
      MemorySegment slot = arena.allocate(LONG);
      check("ncclCommInitRank", () -> (int) Library.INIT.invokeExact(slot, ranks, id, rank));
      return new NcclCommunicator(slot.get(LONG, 0), ranks);
    }
  }

  /** Sums in place. */
  void allReduce(MemorySegment floats, long stream) {
    check("ncclAllReduce", () -> (int) Library.ALL_REDUCE.invokeExact(
        floats, floats, floats.byteSize() / Float.BYTES, FLOAT32, SUM, handle, stream));
  }

  /** Sums; each rank gets its own part, which may lie within the summands. */
  void reduceScatter(MemorySegment floats, MemorySegment part, long stream) {
    check("ncclReduceScatter", () -> (int) Library.REDUCE_SCATTER.invokeExact(
        floats, part, part.byteSize() / Float.BYTES, FLOAT32, SUM, handle, stream));
  }

  /** Sums in place for one rank. */
  void reduce(MemorySegment floats, int root, long stream) {
    check("ncclReduce", () -> (int) Library.REDUCE.invokeExact(
        floats, floats, floats.byteSize() / Float.BYTES, FLOAT32, SUM, root, handle, stream));
  }

  /** The reverse of {@link #reduceScatter}: everybody's part to everybody. */
  void allGather(MemorySegment part, MemorySegment floats, long stream) {
    if (floats.byteSize() != ranks * part.byteSize()) {
      throw new IllegalArgumentException(part.byteSize() + " bytes are not one of " + ranks + " equal parts of "
          + floats.byteSize());
    }
    check("ncclAllGather", () -> (int) Library.ALL_GATHER.invokeExact(
        part, floats, part.byteSize() / Float.BYTES, FLOAT32, handle, stream));
  }

  void broadcast(MemorySegment floats, int root, long stream) {
    check("ncclBroadcast", () -> (int) Library.BROADCAST.invokeExact(
        floats, floats, floats.byteSize() / Float.BYTES, FLOAT32, root, handle, stream));
  }

  /** What went wrong on the device or with a peer since the last look, or null. */
  synchronized String asyncError() {
    if (ended) {
      return null;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(INT);
      check("ncclCommGetAsyncError", () -> (int) Library.ASYNC_ERROR.invokeExact(handle, state));
      int error = state.get(INT, 0);
      return error == SUCCESS || error == IN_PROGRESS ? null : text(error);
    }
  }

  /** Ends what is under way on the device, whatever the peers do; from any thread. */
  synchronized void abort() {
    if (!ended) {
      ended = true;
      check("ncclCommAbort", () -> (int) Library.ABORT.invokeExact(handle));
    }
  }

  @Override
  public synchronized void close() {
    if (!ended) {
      ended = true;
      check("ncclCommDestroy", () -> (int) Library.DESTROY.invokeExact(handle));
    }
  }

  private interface Call {
    int run() throws Throwable;
  }

  private static void check(String what, Call call) {
    int error;
    try {
      error = call.run();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("cannot call " + what, e);
    }
    if (error != SUCCESS && error != IN_PROGRESS) {
      throw new StageFailure(ExitCode.RETRYABLE, "PeerLost", what + " failed: " + text(error));
    }
  }

  private static String text(int error) {
    try {
      MemorySegment text = (MemorySegment) Library.ERROR_STRING.invokeExact(error);
      return text.reinterpret(4096).getString(0);
    } catch (Throwable e) {
      return "error " + error;
    }
  }
}
