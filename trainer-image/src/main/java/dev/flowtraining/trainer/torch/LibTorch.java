package dev.flowtraining.trainer.torch;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.LibUtils;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.LoggerFactory;

/**
 * The C entry points of the libtorch that DJL loaded. All are looked up together, so that a libtorch which lacks one is
 * reported at the start and not in the middle of a run.
 *
 * <p>A handle of a DJL array is an {@code at::Tensor*}, and so is an {@code AtenTensorHandle} of this interface.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class LibTorch {
  private static final ValueLayout.OfLong HANDLE = ValueLayout.JAVA_LONG;
  private static final Linker LINKER = Linker.nativeLinker();
  private static LibTorch instance;

  /** {@code int32 (char* name, char* overload, uint64* stack)}: any operator, through autograd. */
  final MethodHandle callDispatcher;
  /** {@code int32 (handle, handle*)}: another reference to the same tensor. */
  final MethodHandle newHandle;
  /** {@code int32 (handle, void**)}. */
  final MethodHandle dataPointer;
  /** {@code int32 (ndim, sizes*, strides*, dtype, device type, device index, handle*)}. */
  final MethodHandle emptyStrided;
  /** {@code bool (TensorImpl*)}: whether a backward pass goes through the tensor; DJL's answer is for leaves only. */
  final MethodHandle requiresGrad;
  /** {@code int32 (handle, int32*)}. */
  final MethodHandle dtype;
  /** The number that stands for bfloat16. */
  final MethodHandle bfloat16;
  /** {@code int32 (out, self, a, b, beta, alpha)}: β·self + α·a·b on a GPU; null in a libtorch for the CPU. */
  final MethodHandle addProduct;
  /** {@code void* (size_t)}, released by C++'s {@code delete} inside libtorch. */
  final MethodHandle malloc;
  /** {@code int32 (size_t, list*)} and {@code int32 (list, uint64)}: arguments that are lists; null before 2.9. */
  final MethodHandle newList;
  final MethodHandle pushBack;
  /** {@code int32 (char*, size_t, string*)}: arguments that are strings; null in older versions. */
  final MethodHandle newString;
  /** {@code at::gelu(self, approximate)}, whose string argument an older dispatcher call cannot take; null when absent. */
  final MethodHandle gelu;

  private LibTorch() {
    Engine engine = Engine.getEngine("PyTorch");
    Path directory = Path.of(LibUtils.getLibtorchPath());
    SymbolLookup torch =
        SymbolLookup.libraryLookup(directory.resolve(System.mapLibraryName("torch_cpu")), Arena.global());
    String version = engine.getVersion();
    callDispatcher = find(torch, version, "aoti_torch_call_dispatcher",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    newHandle = find(torch, version, "aoti_torch_new_tensor_handle",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, HANDLE, ValueLayout.ADDRESS));
    dataPointer = find(torch, version, "aoti_torch_get_data_ptr",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, HANDLE, ValueLayout.ADDRESS));
    emptyStrided = find(torch, version, "aoti_torch_empty_strided",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    SymbolLookup core =
        SymbolLookup.libraryLookup(directory.resolve(System.mapLibraryName("c10")), Arena.global());
    requiresGrad = find(core, version, "_ZNK3c1010TensorImpl13requires_gradEv",
        FunctionDescriptor.of(ValueLayout.JAVA_BOOLEAN, ValueLayout.JAVA_LONG));
    dtype = find(torch, version, "aoti_torch_get_dtype",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, HANDLE, ValueLayout.ADDRESS));
    bfloat16 = find(torch, version, "aoti_torch_dtype_bfloat16", FunctionDescriptor.of(ValueLayout.JAVA_INT));
    addProduct = library("libtorch_cuda.so").flatMap(cuda -> optional(cuda, "aoti_torch_cuda_addmm_out",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, HANDLE, HANDLE, HANDLE, HANDLE, ValueLayout.JAVA_DOUBLE,
            ValueLayout.JAVA_DOUBLE))).orElse(null);
    malloc = find(LINKER.defaultLookup(), "C library", "malloc",
        FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    newList = optional(torch, "torch_new_list_reserve_size",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS)).orElse(null);
    pushBack = optional(torch, "torch_list_push_back",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG)).orElse(null);
    newString = optional(torch, "torch_new_string_handle", FunctionDescriptor.of(ValueLayout.JAVA_INT,
        ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS)).orElse(null);
    // the mangled name spells the types of the arguments, so a libtorch with other types lacks the symbol
    gelu = optional(torch, "_ZN2at4_ops4gelu4callERKNS_6TensorESt17basic_string_viewIcSt11char_traitsIcEE",
        FunctionDescriptor.of(ValueLayout.JAVA_LONG, HANDLE, HANDLE,
            MemoryLayout.structLayout(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS))).orElse(null);
    if (gelu == null) {
      LoggerFactory.getLogger(LibTorch.class).warn("libtorch {} lacks the expected at::gelu; "
          + "composed operators take its place and make steps slower", version);
    }
  }

  static synchronized LibTorch get() {
    if (instance == null) {
      instance = new LibTorch();
    }
    return instance;
  }

  /** Whether operators can be given lists of tensors. */
  boolean takesLists() {
    return newList != null && pushBack != null;
  }

  static Optional<MethodHandle> optional(SymbolLookup library, String symbol, FunctionDescriptor type) {
    return library.find(symbol).map(address -> LINKER.downcallHandle(address, type));
  }

  /** A library of libtorch's folder, or one that it has loaded, by its name there. */
  static Optional<SymbolLookup> library(String... names) {
    for (String name : names) {
      Path inFolder = Path.of(LibUtils.getLibtorchPath()).resolve(name);
      try {
        return Optional.of(SymbolLookup.libraryLookup(
            Files.exists(inFolder) ? inFolder.toString() : name, Arena.global()));
      } catch (IllegalArgumentException e) {
        // the next name
      }
    }
    return Optional.empty();
  }

  static MethodHandle find(
      SymbolLookup library, String version, String symbol, FunctionDescriptor type) {
    MemorySegment address = library.find(symbol).orElseThrow(() -> new StageFailure(ExitCode.MISSING,
        "LibtorchTooOld", "libtorch " + version + " lacks " + symbol + "; libtorch 2.7.1 has it"));
    return LINKER.downcallHandle(address, type);
  }
}
