package dev.flowtraining.trainer.torch;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the pickles that {@code torch.save} writes (protocol 2), and nothing else: a pickle is a program, so the only
 * names that it may call are those of {@link Global}, and calling them builds plain values.
 *
 * <p>dict and OrderedDict become {@link LinkedHashMap}, list and tuple {@link List}, int {@link Long}, float
 * {@link Double}; tensors become {@link TensorView}. Opcodes: Python's {@code pickletools}.
 */
final class Unpickler {

  /** The names that a pickle may use. */
  private enum Global {
    ORDERED_DICT("collections OrderedDict"),
    REBUILD_TENSOR("torch._utils _rebuild_tensor_v2"),
    REBUILD_PARAMETER("torch._utils _rebuild_parameter"),
    SIZE("torch Size");

    private final String name;

    Global(String name) {
      this.name = name;
    }
  }

  /** A tensor's storage: {@code elements} values in the archive's member {@code data/<key>}. */
  record Storage(StateDict.DType dtype, String key, long elements) {}

  /** A window on a storage, all in elements. */
  record TensorView(Storage storage, long offset, long[] shape, long[] stride) {}

  /** The pickle is broken, or asks for what is not allowed. */
  static final class PickleException extends Exception {
    private static final long serialVersionUID = 1;

    PickleException(String message) {
      super(message);
    }
  }

  private final ByteBuffer in;
  private final Map<Integer, Object> memo = new HashMap<>();
  private final Deque<List<Object>> marks = new ArrayDeque<>();
  private List<Object> stack = new ArrayList<>();

  private Unpickler(byte[] pickle) {
    in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
  }

  static Object read(byte[] pickle) throws PickleException {
    try {
      return new Unpickler(pickle).run();
    } catch (BufferUnderflowException | IndexOutOfBoundsException | ClassCastException | NullPointerException
        | IllegalArgumentException | java.util.NoSuchElementException e) {
      throw new PickleException("the pickle is damaged: " + e);
    }
  }

  private Object run() throws PickleException {
    while (true) {
      int op = in.get() & 0xff;
      switch (op) {
        case 0x80 -> protocol(in.get());
        case '.' -> {
          return pop();
        }
        case '(' -> {
          marks.push(stack);
          stack = new ArrayList<>();
        }
        case '}' -> stack.add(new LinkedHashMap<>());
        case ']' -> stack.add(new ArrayList<>());
        case ')' -> stack.add(List.of());
        case 't' -> {
          List<Object> items = sinceMark(); // first: it changes the stack
          stack.add(items);
        }
        case 0x85 -> stack.add(last(1));
        case 0x86 -> stack.add(last(2));
        case 0x87 -> stack.add(last(3));
        case 'q' -> memo.put(in.get() & 0xff, top());
        case 'r' -> memo.put(in.getInt(), top());
        case 'h' -> recall(in.get() & 0xff);
        case 'j' -> recall(in.getInt());
        case 'X' -> stack.add(text(in.getInt()));
        case 'K' -> stack.add((long) (in.get() & 0xff));
        case 'M' -> stack.add((long) (in.getShort() & 0xffff));
        case 'J' -> stack.add((long) in.getInt());
        case 0x8a -> stack.add(longInteger(in.get() & 0xff));
        case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
        case 'N' -> stack.add(null);
        case 0x88 -> stack.add(true);
        case 0x89 -> stack.add(false);
        case 'c' -> stack.add(global(line() + " " + line()));
        case 'Q' -> stack.add(storage(list(pop())));
        case 'R' -> stack.add(call(pop(), pop()));
        case 'b' -> {
          Object attributes = pop(); // of an OrderedDict: _metadata, which holds module versions and no data
          map(attributes);
          map(top());
        }
        case 's' -> {
          Object value = pop();
          Object key = pop();
          map(top()).put(key, value);
        }
        case 'u' -> {
          List<Object> items = sinceMark();
          for (int i = 0; i < items.size(); i += 2) {
            map(top()).put(items.get(i), items.get(i + 1));
          }
        }
        case 'a' -> {
          Object value = pop();
          list(top()).add(value);
        }
        case 'e' -> {
          List<Object> items = sinceMark();
          list(top()).addAll(items);
        }
        default -> throw new PickleException("opcode 0x" + Integer.toHexString(op)
            + " does not occur in files of torch.save; save it with torch.save(state_dict, file)");
      }
    }
  }

  private static void protocol(byte version) throws PickleException {
    if (version != 2) {
      throw new PickleException("pickle protocol " + version + " instead of torch.save's protocol 2");
    }
  }

  private Object pop() {
    return stack.remove(stack.size() - 1);
  }

  private Object top() {
    return stack.get(stack.size() - 1);
  }

  private List<Object> sinceMark() {
    List<Object> items = stack;
    stack = marks.pop();
    return items;
  }

  private List<Object> last(int n) {
    List<Object> tail = stack.subList(stack.size() - n, stack.size());
    List<Object> tuple = new ArrayList<>(tail);
    tail.clear();
    return tuple;
  }

  private void recall(int key) throws PickleException {
    if (!memo.containsKey(key)) {
      throw new PickleException("the pickle is damaged: nothing was remembered under " + key);
    }
    stack.add(memo.get(key));
  }

  private String text(int length) {
    byte[] bytes = bytes(length);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private byte[] bytes(int length) {
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private Long longInteger(int length) throws PickleException {
    if (length > 8) {
      throw new PickleException("an integer of " + length + " bytes");
    }
    byte[] bytes = bytes(length);
    long value = length == 0 ? 0 : bytes[length - 1] < 0 ? -1 : 0;
    for (int i = length - 1; i >= 0; i--) {
      value = value << 8 | bytes[i] & 0xff;
    }
    return value;
  }

  private String line() {
    int start = in.position();
    while (in.get() != '\n') {
      // up to the end of the line
    }
    return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
  }

  private static Object global(String name) throws PickleException {
    for (Global global : Global.values()) {
      if (global.name.equals(name)) {
        return global;
      }
    }
    String dotted = name.replace(' ', '.');
    return switch (name) {
      case "torch DoubleStorage" -> StateDict.DType.FLOAT64;
      case "torch FloatStorage" -> StateDict.DType.FLOAT32;
      case "torch HalfStorage" -> StateDict.DType.FLOAT16;
      case "torch BFloat16Storage" -> StateDict.DType.BFLOAT16;
      case "torch LongStorage" -> StateDict.DType.INT64;
      case "torch IntStorage" -> StateDict.DType.INT32;
      case "torch ShortStorage" -> StateDict.DType.INT16;
      case "torch CharStorage" -> StateDict.DType.INT8;
      case "torch ByteStorage" -> StateDict.DType.UINT8;
      case "torch BoolStorage" -> StateDict.DType.BOOL;
      default -> throw new PickleException("it holds a Python object of type " + dotted
          + ", which is not read: a checkpoint may hold tensors, numbers, texts, lists and dicts only;"
          + " save it again with torch.save(model.state_dict(), file)");
    };
  }

  private static Storage storage(List<Object> id) throws PickleException {
    if (id.size() != 5 || !"storage".equals(id.get(0))) {
      throw new PickleException("an object outside of the pickle that is no tensor storage");
    }
    return new Storage((StateDict.DType) id.get(1), (String) id.get(2), (Long) id.get(4));
  }

  private static Object call(Object arguments, Object function) throws PickleException {
    List<Object> args = list(arguments);
    if (!(function instanceof Global global)) {
      throw new PickleException("a call of something that is no function");
    }
    return switch (global) {
      case ORDERED_DICT -> orderedDict(args);
      case REBUILD_TENSOR -> new TensorView(
          (Storage) args.get(0), (Long) args.get(1), longs(args.get(2)), longs(args.get(3)));
      case REBUILD_PARAMETER -> args.get(0);
      case SIZE -> args.get(0);
    };
  }

  private static Map<Object, Object> orderedDict(List<Object> args) {
    Map<Object, Object> dict = new LinkedHashMap<>();
    if (!args.isEmpty()) {
      for (Object pair : list(args.get(0))) {
        dict.put(list(pair).get(0), list(pair).get(1));
      }
    }
    return dict;
  }

  private static long[] longs(Object tuple) {
    return list(tuple).stream().mapToLong(v -> (Long) v).toArray();
  }

  @SuppressWarnings("unchecked")
  private static List<Object> list(Object value) {
    return (List<Object>) value;
  }

  @SuppressWarnings("unchecked")
  private static Map<Object, Object> map(Object value) {
    return (Map<Object, Object>) value;
  }
}
