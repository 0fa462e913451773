package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * CUDA C++ that NVRTC, which comes with libtorch, compiles for the device at hand; its kernels are launched on libtorch's
 * current stream.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class Kernels {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final AddressLayout ADDRESS = ValueLayout.ADDRESS;
  /** {@code CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR} and {@code _MINOR}. */
  private static final int[] CAPABILITY = {75, 76};

  /** Blocks of a grid and threads of a block, in two dimensions, and bytes of shared memory. */
  record Shape(long blocksX, int blocksY, int threadsX, int threadsY, int sharedBytes) {
    Shape(long blocks, int threads) {
      this(blocks, 1, threads, 1, 0);
    }
  }

  /** The libraries' entry points; empty where there is no NVRTC or no driver. */
  private static final class Libraries {
    static final Optional<SymbolLookup> NVRTC = LibTorch.library("libnvrtc.so.13", "libnvrtc.so.12");
    static final Optional<SymbolLookup> DRIVER = LibTorch.library("libcuda.so.1");
    static final MethodHandle CREATE = nvrtc("nvrtcCreateProgram", ADDRESS, ADDRESS, ADDRESS, INT, ADDRESS, ADDRESS);
    static final MethodHandle COMPILE = nvrtc("nvrtcCompileProgram", ADDRESS, INT, ADDRESS);
    static final MethodHandle LOG_SIZE = nvrtc("nvrtcGetProgramLogSize", ADDRESS, ADDRESS);
    static final MethodHandle LOG = nvrtc("nvrtcGetProgramLog", ADDRESS, ADDRESS);
    static final MethodHandle CODE_SIZE = nvrtc("nvrtcGetCUBINSize", ADDRESS, ADDRESS);
    static final MethodHandle CODE = nvrtc("nvrtcGetCUBIN", ADDRESS, ADDRESS);
    static final MethodHandle DESTROY = nvrtc("nvrtcDestroyProgram", ADDRESS);
    static final MethodHandle ATTRIBUTE = driver("cuDeviceGetAttribute", ADDRESS, INT, INT);
    static final MethodHandle LOAD = driver("cuModuleLoadData", ADDRESS, ADDRESS);
    static final MethodHandle FUNCTION = driver("cuModuleGetFunction", ADDRESS, LONG, ADDRESS);
    static final MethodHandle LAUNCH = driver(
        "cuLaunchKernel", LONG, INT, INT, INT, INT, INT, INT, INT, LONG, ADDRESS, ADDRESS);

    private static MethodHandle nvrtc(String name, MemoryLayout... arguments) {
      return handle(NVRTC, name, arguments);
    }

    private static MethodHandle driver(String name, MemoryLayout... arguments) {
      return handle(DRIVER, name, arguments);
    }

    private static MethodHandle handle(Optional<SymbolLookup> library, String name, MemoryLayout... arguments) {
      return library.flatMap(l -> l.find(name))
          .map(at -> Linker.nativeLinker().downcallHandle(at, FunctionDescriptor.of(INT, arguments))).orElse(null);
    }

    static boolean complete() {
      return NVRTC.isPresent() && DRIVER.isPresent() && LAUNCH != null && COMPILE != null && CODE != null;
    }
  }

  private final int device;
  private final long module;
  private final Map<String, Long> functions = new HashMap<>();

  private Kernels(int device, long module) {
    this.device = device;
    this.module = module;
  }

  /** Whether this process has NVRTC and a driver. */
  static boolean available() {
    return Cuda.devices() > 0 && Libraries.complete();
  }

  /**
   * Compiles and loads. The thread's current device is the one named.
   *
   * @param definitions such as {@code -DC=512}
   * @throws OperatorFailure with the compiler's words
   */
  static Kernels compile(int device, String source, List<String> definitions) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment slot = arena.allocate(LONG);
      MemorySegment capability = arena.allocate(INT);
      StringBuilder architecture = new StringBuilder("--gpu-architecture=sm_");
      for (int attribute : CAPABILITY) {
        check("cuDeviceGetAttribute", (int) Libraries.ATTRIBUTE.invokeExact(capability, attribute, device));
        architecture.append(capability.get(INT, 0));
      }
      check("nvrtcCreateProgram", (int) Libraries.CREATE.invokeExact(slot, arena.allocateFrom(source),
          arena.allocateFrom("chains.cu"), 0, MemorySegment.NULL, MemorySegment.NULL));
      MemorySegment program = slot.get(ADDRESS, 0);
      List<String> options = new ArrayList<>(definitions);
      options.add(architecture.toString());
      MemorySegment texts = arena.allocate(ADDRESS, options.size());
      for (int i = 0; i < options.size(); i++) {
        texts.setAtIndex(ADDRESS, i, arena.allocateFrom(options.get(i)));
      }
      int error = (int) Libraries.COMPILE.invokeExact(program, options.size(), texts);
      if (error != 0) {
        check("nvrtcGetProgramLogSize", (int) Libraries.LOG_SIZE.invokeExact(program, slot));
        MemorySegment log = arena.allocate(slot.get(LONG, 0));
        check("nvrtcGetProgramLog", (int) Libraries.LOG.invokeExact(program, log));
        throw new OperatorFailure("NVRTC, with " + options + ": " + log.getString(0));
      }
      check("nvrtcGetCUBINSize", (int) Libraries.CODE_SIZE.invokeExact(program, slot));
      MemorySegment code = arena.allocate(slot.get(LONG, 0));
      check("nvrtcGetCUBIN", (int) Libraries.CODE.invokeExact(program, code));
      slot.set(ADDRESS, 0, program);
      check("nvrtcDestroyProgram", (int) Libraries.DESTROY.invokeExact(slot));
      check("cuModuleLoadData", (int) Libraries.LOAD.invokeExact(slot, code));
      return new Kernels(device, slot.get(LONG, 0));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot call NVRTC", e);
    }
  }

  /** @param arguments in the kernel's order: arrays, null for none, longs, ints, floats */
  void launch(String name, Shape shape, Object... arguments) {
    long function = functions.computeIfAbsent(name, this::function);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(LONG, arguments.length);
      MemorySegment pointers = arena.allocate(ADDRESS, arguments.length);
      for (int i = 0; i < arguments.length; i++) {
        long at = 8L * i;
        switch (arguments[i]) {
          case null -> values.set(LONG, at, 0);
          case NDArray array -> values.set(LONG, at, Tensors.memory(array).address());
          case Long number -> values.set(LONG, at, number);
          case Integer number -> values.set(INT, at, number);
          case Float number -> values.set(ValueLayout.JAVA_FLOAT, at, number);
          default -> throw new IllegalArgumentException(name + " was given a " + arguments[i].getClass());
        }
        pointers.setAtIndex(ADDRESS, i, values.asSlice(at));
      }
      check(name, (int) Libraries.LAUNCH.invokeExact(function, Math.toIntExact(shape.blocksX), shape.blocksY, 1,
          shape.threadsX, shape.threadsY, 1, shape.sharedBytes, Cuda.currentStream(device), pointers,
          MemorySegment.NULL));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot launch " + name, e);
    }
  }

  private long function(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment slot = arena.allocate(LONG);
      check("kernel " + name, (int) Libraries.FUNCTION.invokeExact(slot, module, arena.allocateFrom(name)));
      return slot.get(LONG, 0);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot look up " + name, e);
    }
  }

  private static void check(String what, int error) {
    if (error != 0) {
      throw new OperatorFailure(what + " failed with error " + error);
    }
  }
}
