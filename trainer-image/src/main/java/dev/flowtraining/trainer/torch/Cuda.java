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
import java.util.Optional;

/** The CUDA half of the libtorch that DJL loaded, and the CUDA runtime that came with it. */
@SuppressWarnings("restricted") // native access is what this class is for
public final class Cuda {
  /** {@code c10::cuda::CUDAStream}: device and stream id. */
  static final StructLayout STREAM = MemoryLayout.structLayout(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);

  /** {@code cudaDevAttrComputeCapabilityMajor}. */
  private static final int CAPABILITY_MAJOR = 75;

  /** Stands for the current device. */
  private static final byte CURRENT = -1;

  private static Optional<Cuda> instance;

  private final MethodHandle deviceCount;
  private final MethodHandle context;
  private final MethodHandle allowTf32;
  private final MethodHandle useCudnnAttention;
  private final MethodHandle memoryInfo;
  private final MethodHandle setDevice;
  private final MethodHandle currentStream;
  private final MethodHandle synchronize;
  private final MethodHandle streamFromPool;
  private final MethodHandle getStream;
  private final MethodHandle setStream;
  private final MethodHandle attribute;
  private final MethodHandle createEvent;
  private final MethodHandle recordEvent;
  private final MethodHandle waitForEvent;
  private final MethodHandle elapsed;
  private final MethodHandle destroyEvent;

  private Cuda(SymbolLookup c10, SymbolLookup cpu, SymbolLookup cuda, SymbolLookup runtime) {
    deviceCount = find(c10, "_ZN3c104cuda12device_countEv", FunctionDescriptor.of(ValueLayout.JAVA_BYTE));
    context = find(cpu, "_ZN2at13globalContextEv", FunctionDescriptor.of(ValueLayout.ADDRESS));
    allowTf32 = find(cpu, "_ZN2at7Context18setAllowTF32CuBLASEb",
        FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_BOOLEAN));
    useCudnnAttention = find(cpu, "_ZN2at7Context14setSDPUseCuDNNEb",
        FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_BOOLEAN));
    memoryInfo = find(runtime, "cudaMemGetInfo",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    setDevice = find(runtime, "cudaSetDevice", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    currentStream = find(cuda, "aoti_torch_get_current_cuda_stream",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    synchronize = find(runtime, "cudaDeviceSynchronize", FunctionDescriptor.of(ValueLayout.JAVA_INT));
    streamFromPool = find(c10, "_ZN3c104cuda17getStreamFromPoolEba",
        FunctionDescriptor.of(STREAM, ValueLayout.JAVA_BOOLEAN, ValueLayout.JAVA_BYTE));
    attribute = find(runtime, "cudaDeviceGetAttribute", FunctionDescriptor.of(
        ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    getStream = find(c10, "_ZN3c104cuda20getCurrentCUDAStreamEa",
        FunctionDescriptor.of(STREAM, ValueLayout.JAVA_BYTE));
    setStream = find(c10, "_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE", FunctionDescriptor.ofVoid(STREAM));
    createEvent = find(runtime, "cudaEventCreate", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    recordEvent = find(runtime, "cudaEventRecord",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    waitForEvent = find(runtime, "cudaStreamWaitEvent", FunctionDescriptor.of(
        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    elapsed = find(runtime, "cudaEventElapsedTime", FunctionDescriptor.of(
        ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    destroyEvent = find(runtime, "cudaEventDestroy",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
  }

  /** Empty when this libtorch is one for the CPU. {@link LibTorch} is loaded first. */
  static synchronized Optional<Cuda> get() {
    if (instance == null) {
      Optional<SymbolLookup> c10 = LibTorch.library("libc10_cuda.so");
      Optional<SymbolLookup> runtime = LibTorch.library("libcudart.so.13", "libcudart.so.12");
      instance = c10.isEmpty() || runtime.isEmpty() ? Optional.empty()
          : Optional.of(new Cuda(c10.get(), LibTorch.library("libtorch_cpu.so").orElseThrow(),
              LibTorch.library("libtorch_cuda.so").orElseThrow(), runtime.get()));
    }
    return instance;
  }

  static Cuda require() {
    return get().orElseThrow(() -> new OperatorFailure("this libtorch is one for the CPU"));
  }

  /** Devices that this process sees; 0 without a driver. */
  public static int devices() {
    return get().map(cuda -> (int) cuda.call(() -> (byte) cuda.deviceCount.invokeExact())).orElse(0);
  }

  /** The major number of a device's compute capability: 7 is Volta, 8 Ampere, 9 Hopper. */
  static int computeCapability(int device) {
    Cuda cuda = require();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(ValueLayout.JAVA_INT);
      int error = cuda.call(() -> (int) cuda.attribute.invokeExact(value, CAPABILITY_MAJOR, device));
      check(error, "cudaDeviceGetAttribute");
      return value.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** Makes a device this thread's current one. */
  static void use(int device) {
    Cuda cuda = require();
    check(cuda.call(() -> (int) cuda.setDevice.invokeExact(device)), "cudaSetDevice " + device);
  }

  /** The stream that this thread's operators run on, as a {@code cudaStream_t}. */
  public static long currentStream(int device) {
    Cuda cuda = require();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment slot = arena.allocate(ValueLayout.JAVA_LONG);
      check(cuda.call(() -> (int) cuda.currentStream.invokeExact(device, slot)), "aoti_torch_get_current_cuda_stream");
      return slot.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /** Whether matrix products of float32 tensors may run as TF32. */
  static void allowTf32(boolean allow) {
    get().ifPresent(cuda -> cuda.call(() -> {
      cuda.allowTf32.invokeExact((MemorySegment) cuda.context.invokeExact(), allow);
      return null;
    }));
  }

  /** Whether attention may be cuDNN's, which plans anew for every shape that it meets. */
  public static void allowCudnnAttention(boolean allow) {
    get().ifPresent(cuda -> cuda.call(() -> {
      cuda.useCudnnAttention.invokeExact((MemorySegment) cuda.context.invokeExact(), allow);
      return null;
    }));
  }

  /** Bytes of the current device that are taken, by whichever process. */
  public static long usedMemory() {
    Cuda cuda = require();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment total = arena.allocate(ValueLayout.JAVA_LONG);
      int error = cuda.call(() -> (int) cuda.memoryInfo.invokeExact(free, total));
      check(error, "cudaMemGetInfo");
      return total.get(ValueLayout.JAVA_LONG, 0) - free.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /** Waits until the current device has done everything that was asked of it. */
  public static void synchronize() {
    Cuda cuda = require();
    check(cuda.call(() -> (int) cuda.synchronize.invokeExact()), "cudaDeviceSynchronize");
  }

  /** Makes this thread's operators run on a stream of their own: the default stream cannot be captured. */
  public static void useOwnStream(int device) {
    Cuda cuda = require();
    synchronize(); // the streams do not wait for one another
    switchTo(cuda.streamFromPool(false, (byte) device));
  }

  /** One of libtorch's streams. */
  record Stream(MemorySegment id) {}

  /** A stream of the current device whose work goes before that of others. */
  static Stream priorityStream() {
    return require().streamFromPool(true, CURRENT);
  }

  private Stream streamFromPool(boolean priority, byte device) {
    return new Stream(call(() -> (MemorySegment) streamFromPool.invokeExact(
        (SegmentAllocator) Arena.global(), priority, device)));
  }

  /** Makes this thread's operators run on a stream. @return the one that they ran on */
  static Stream switchTo(Stream stream) {
    Cuda cuda = require();
    return cuda.call(() -> {
      Stream before = new Stream((MemorySegment) cuda.getStream.invokeExact((SegmentAllocator) Arena.ofAuto(), CURRENT));
      cuda.setStream.invokeExact(stream.id);
      return before;
    });
  }

  /** A mark in the work of a stream, given as {@code cudaStream_t}; a later mark replaces it. */
  public static final class Event implements AutoCloseable {
    private final Cuda cuda = require();
    private final long handle;

    public Event() {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment slot = arena.allocate(ValueLayout.JAVA_LONG);
        check(cuda.call(() -> (int) cuda.createEvent.invokeExact(slot)), "cudaEventCreate");
        handle = slot.get(ValueLayout.JAVA_LONG, 0);
      }
    }

    /** Behind all that the stream was asked for. */
    public void record(long stream) {
      check(cuda.call(() -> (int) cuda.recordEvent.invokeExact(handle, stream)), "cudaEventRecord");
    }

    /** What the stream is asked for from now on waits until the mark is reached; without a mark it does not. */
    void holdBack(long stream) {
      check(cuda.call(() -> (int) cuda.waitForEvent.invokeExact(stream, handle, 0)), "cudaStreamWaitEvent");
    }

    /** Milliseconds from another mark to this one, both of which have been reached. */
    public float since(Event earlier) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment slot = arena.allocate(ValueLayout.JAVA_FLOAT);
        check(cuda.call(() -> (int) cuda.elapsed.invokeExact(slot, earlier.handle, handle)), "cudaEventElapsedTime");
        return slot.get(ValueLayout.JAVA_FLOAT, 0);
      }
    }

    @Override
    public void close() {
      check(cuda.call(() -> (int) cuda.destroyEvent.invokeExact(handle)), "cudaEventDestroy");
    }
  }

  private static void check(int error, String what) {
    if (error != 0) {
      throw new OperatorFailure(what + " failed with CUDA error " + error);
    }
  }

  /** A call into native code. */
  interface Native<T> {
    T run() throws Throwable;
  }

  <T> T call(Native<T> call) {
    try {
      return call.run();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("a native call failed", e);
    }
  }

  private static MethodHandle find(SymbolLookup library, String symbol, FunctionDescriptor type) {
    return LibTorch.find(library, "for CUDA", symbol, type);
  }
}
