package dev.flowtraining.trainer.torch;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Writes the pickle of a state dict as {@code torch.save} would (protocol 2); storage n is the n-th tensor's. */
final class Pickler {
  private static final int FLOAT_STORAGES = 16; // memo slots 16… hold the storage classes; below are the functions
  private static final int ORDERED_DICT = 0;
  private static final int REBUILD_TENSOR = 1;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final Set<Integer> remembered = new LinkedHashSet<>();

  private Pickler() {}

  static byte[] write(StateDict dict, StateDictFile.Form form) {
    Pickler p = new Pickler();
    p.op(0x80).op(2);
    if (form == StateDictFile.Form.MODULE) {
      p.orderedDict();
    } else {
      p.op('}');
    }
    p.op('(');
    int n = 0;
    for (Map.Entry<String, StateDict.Tensor> entry : dict.tensors().entrySet()) {
      p.text(entry.getKey());
      p.tensor(entry.getValue(), Integer.toString(n++));
    }
    for (Map.Entry<String, Long> entry : dict.integers().entrySet()) {
      p.text(entry.getKey());
      p.integer(entry.getValue());
    }
    p.op('u');
    if (form == StateDictFile.Form.MODULE) {
      p.metadata(dict.tensors().keySet());
    }
    p.op('.');
    return p.out.toByteArray();
  }

  /** {@code Module.state_dict()}'s attribute: the version of each module, by its path. */
  private void metadata(Set<String> names) {
    Set<String> modules = new LinkedHashSet<>();
    modules.add("");
    for (String name : names) {
      for (int dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
        modules.add(name.substring(0, dot));
      }
    }
    op('}');
    text("_metadata");
    orderedDict();
    op('(');
    for (String module : modules) {
      text(module);
      op('}');
      text("version");
      integer(1);
      op('s');
    }
    op('u').op('s').op('b');
  }

  private void tensor(StateDict.Tensor tensor, String key) {
    long[] stride = new long[tensor.shape().length];
    long step = 1;
    for (int d = stride.length - 1; d >= 0; d--) {
      stride[d] = step;
      step *= Math.max(tensor.shape()[d], 1);
    }
    global(REBUILD_TENSOR, "torch._utils", "_rebuild_tensor_v2");
    op('(').op('(');
    text("storage");
    global(FLOAT_STORAGES + tensor.dtype().ordinal(), "torch", storageClass(tensor.dtype()));
    text(key);
    text("cpu");
    integer(tensor.elements());
    op('t').op('Q');
    integer(0);
    tuple(tensor.shape());
    tuple(stride);
    op(0x89);
    orderedDict();
    op('t').op('R');
  }

  private static String storageClass(StateDict.DType dtype) {
    return switch (dtype) {
      case FLOAT64 -> "DoubleStorage";
      case FLOAT32 -> "FloatStorage";
      case FLOAT16 -> "HalfStorage";
      case BFLOAT16 -> "BFloat16Storage";
      case INT64 -> "LongStorage";
      case INT32 -> "IntStorage";
      case INT16 -> "ShortStorage";
      case INT8 -> "CharStorage";
      case UINT8 -> "ByteStorage";
      case BOOL -> "BoolStorage";
    };
  }

  private void orderedDict() {
    global(ORDERED_DICT, "collections", "OrderedDict");
    op(')').op('R');
  }

  /** A class or function: spelled out once, recalled afterwards. */
  private void global(int slot, String module, String name) {
    if (remembered.add(slot)) {
      op('c');
      out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
      op('q').op(slot);
    } else {
      op('h').op(slot);
    }
  }

  private void tuple(long[] values) {
    op('(');
    for (long v : values) {
      integer(v);
    }
    op('t');
  }

  private void integer(long v) {
    if (v == (int) v) {
      op('J');
      out.writeBytes(little(4).putInt((int) v).array());
    } else {
      op(0x8a).op(8);
      out.writeBytes(little(8).putLong(v).array());
    }
  }

  private void text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    op('X');
    out.writeBytes(little(4).putInt(bytes.length).array());
    out.writeBytes(bytes);
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private Pickler op(int code) {
    out.write(code);
    return this;
  }
}
