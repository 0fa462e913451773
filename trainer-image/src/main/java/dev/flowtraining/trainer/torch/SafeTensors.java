package dev.flowtraining.trainer.torch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.flowtraining.trainer.WholeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The safetensors format: 8 bytes header length, a JSON header {@code name → {dtype, shape, data_offsets}}, then the
 * tensors' bytes (little-endian, row-major) without gaps.
 */
public final class SafeTensors {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_HEADER = 100_000_000; // the limit that the reference implementation sets

  /** In the metadata of a flow model: which embedding it was trained with, utt or spk. */
  public static final String SPEAKER_EMBEDDING = "speaker_embedding";

  private SafeTensors() {}

  /** @param metadata texts for the header's {@code __metadata__}; may be empty */
  public static void write(Path file, StateDict dict, Map<String, String> metadata) throws IOException {
    ObjectNode header = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      header.set("__metadata__", JSON.valueToTree(new TreeMap<>(metadata)));   // the same bytes from every process
    }
    long offset = 0;
    for (Map.Entry<String, StateDict.Tensor> entry : dict.tensors().entrySet()) {
      StateDict.Tensor tensor = entry.getValue();
      ObjectNode node = header.putObject(entry.getKey());
      node.put("dtype", name(tensor.dtype()));
      node.set("shape", JSON.valueToTree(tensor.shape()));
      long end = offset + tensor.data().remaining();
      node.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    String json = JSON.writeValueAsString(header);
    int padding = -json.getBytes(StandardCharsets.UTF_8).length & 7;
    byte[] head = (json + " ".repeat(padding)).getBytes(StandardCharsets.UTF_8);
    WholeFile.write(file, channel -> {
      whole(channel, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(head.length).flip());
      whole(channel, ByteBuffer.wrap(head));
      for (StateDict.Tensor tensor : dict.tensors().values()) {
        whole(channel, tensor.data().duplicate());
      }
    });
  }

  /** The header's texts; none when it has none. */
  public static Map<String, String> metadata(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      Map<String, String> texts = new LinkedHashMap<>();
      JSON.readTree(fill(channel, 8, (int) headerLength(channel)).array()).path("__metadata__").properties()
          .forEach(e -> texts.put(e.getKey(), e.getValue().asText()));
      return texts;
    } catch (IOException | RuntimeException e) {
      throw StateDictFile.unreadable(file, e.getMessage() == null ? e.toString() : e.getMessage(), e);
    }
  }

  private static long headerLength(FileChannel channel) throws IOException {
    long length = fill(channel, 0, 8).getLong(0);
    if (length <= 0 || length > MAX_HEADER || length > channel.size() - 8) {
      throw new IOException("its header cannot have " + length + " bytes");
    }
    return length;
  }

  /** @throws dev.flowtraining.trainer.StageFailure 66 {@code CheckpointUnreadable}, naming the file */
  public static StateDict read(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long length = headerLength(channel);
      JsonNode header = JSON.readTree(fill(channel, 8, (int) length).array());
      LinkedHashMap<String, StateDict.Tensor> tensors = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : header.properties()) {
        if (!entry.getKey().equals("__metadata__")) {
          tensors.put(entry.getKey(), tensor(channel, 8 + length, entry.getKey(), entry.getValue()));
        }
      }
      return new StateDict(tensors);
    } catch (IOException | RuntimeException e) {
      throw StateDictFile.unreadable(file, e.getMessage() == null ? e.toString() : e.getMessage(), e);
    }
  }

  private static StateDict.Tensor tensor(FileChannel channel, long base, String name, JsonNode node)
      throws IOException {
    StateDict.DType dtype = dtype(node.path("dtype").asText());
    long[] shape = JSON.convertValue(node.path("shape"), long[].class);
    long begin = node.path("data_offsets").path(0).asLong(-1);
    long end = node.path("data_offsets").path(1).asLong(-1);
    long bytes = dtype.bytes();
    for (long d : shape) {
      bytes = Math.multiplyExact(bytes, d);
    }
    if (begin < 0 || end - begin != bytes || bytes > Integer.MAX_VALUE || base + end > channel.size()) {
      throw new IOException("tensor " + name + " is not whole");
    }
    ByteBuffer data = bytes == 0 ? ByteBuffer.allocate(0)
        : channel.map(FileChannel.MapMode.READ_ONLY, base + begin, bytes);
    return new StateDict.Tensor(dtype, shape, data.order(ByteOrder.LITTLE_ENDIAN));
  }

  private static ByteBuffer fill(FileChannel channel, long position, int size) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new IOException("it ends too early");
      }
    }
    return buffer.flip();
  }

  private static void whole(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private static String name(StateDict.DType dtype) {
    return switch (dtype) {
      case FLOAT64 -> "F64";
      case FLOAT32 -> "F32";
      case FLOAT16 -> "F16";
      case BFLOAT16 -> "BF16";
      case INT64 -> "I64";
      case INT32 -> "I32";
      case INT16 -> "I16";
      case INT8 -> "I8";
      case UINT8 -> "U8";
      case BOOL -> "BOOL";
    };
  }

  private static StateDict.DType dtype(String name) throws IOException {
    for (StateDict.DType dtype : StateDict.DType.values()) {
      if (name(dtype).equals(name)) {
        return dtype;
      }
    }
    throw new IOException("element type '" + name + "' is not read here");
  }
}
