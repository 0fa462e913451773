package dev.flowtraining.trainer.torch;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.WholeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.zip.Zip64Mode;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;

/**
 * torch's checkpoint files without Python, both directions. Format: a zip of {@code <root>/data.pkl} (a pickle that
 * names the tensors), {@code <root>/data/<n>} (raw little-endian storages), {@code version} and {@code byteorder}.
 */
public final class StateDictFile {
  private static final String ROOT = "archive/";
  private static final int ALIGNMENT = 64; // as torch does, so that torch.load(mmap=True) serves aligned tensors
  private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0); // equal weights, equal bytes

  private StateDictFile() {}

  /** What kind of Python object the file holds. */
  public enum Form {
    /** A plain dict: training checkpoints, which carry integers too. */
    DICT,
    /** {@code Module.state_dict()}: an OrderedDict with {@code _metadata}, for files that others load. */
    MODULE
  }

  /**
   * Reads a file whole and checks every checksum. Values other than tensors and integers are passed over. Storages of
   * large tensors are mapped, not copied. A file named {@code .safetensors} is read as {@link SafeTensors}.
   *
   * @throws StageFailure 66 {@code CheckpointUnreadable}, naming the file and what is wrong with it
   */
  public static StateDict read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw unreadable(file, "there is no such file", null);
    }
    if (file.toString().endsWith(".safetensors")) {
      return SafeTensors.read(file);
    }
    try (TorchArchive archive = TorchArchive.open(file)) {
      if (!(Unpickler.read(archive.pickle()) instanceof Map<?, ?> dict)) {
        throw new IOException("it holds no dict of tensors");
      }
      if (dict.get("state_dict") instanceof Map<?, ?> inner) {
        dict = inner; // checkpoints of FunASR's trainer
      }
      LinkedHashMap<String, StateDict.Tensor> tensors = new LinkedHashMap<>();
      LinkedHashMap<String, Long> integers = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : dict.entrySet()) {
        switch (entry.getValue()) {
          case Unpickler.TensorView view -> tensors.put((String) entry.getKey(), archive.tensor(view));
          case Long number -> integers.put((String) entry.getKey(), number);
          case null, default -> { }
        }
      }
      return new StateDict(tensors, integers);
    } catch (IOException | Unpickler.PickleException | RuntimeException e) {
      throw unreadable(file, e.getMessage() == null ? e.toString() : e.getMessage(), e);
    }
  }

  /** Writes a training checkpoint: a plain dict. */
  public static void write(Path file, StateDict dict) throws IOException {
    write(file, dict, Form.DICT);
  }

  /** Temporary name, fsync, rename. Tensors are streamed from where they are; equal content gives equal bytes. */
  public static void write(Path file, StateDict dict, Form form) throws IOException {
    WholeFile.write(file, channel -> {
      // not closed: closing it would close the channel before its fsync
      @SuppressWarnings("resource")
      ZipArchiveOutputStream zip = new ZipArchiveOutputStream(channel);
      zip.setUseZip64(Zip64Mode.AsNeeded);
      member(zip, "data.pkl", ByteBuffer.wrap(Pickler.write(dict, form)));
      member(zip, "byteorder", text("little"));
      int n = 0;
      for (Map.Entry<String, StateDict.Tensor> entry : dict.tensors().entrySet()) {
        StateDict.Tensor tensor = entry.getValue();
        if (tensor.data().remaining() != tensor.elements() * tensor.dtype().bytes()) {
          throw new IllegalArgumentException(entry.getKey() + " has " + tensor.data().remaining() + " bytes, not "
              + tensor.elements() + " × " + tensor.dtype().bytes());
        }
        member(zip, "data/" + n++, tensor.data().duplicate());
      }
      member(zip, "version", text("3\n"));
      zip.finish();
    });
  }

  private static ByteBuffer text(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void member(ZipArchiveOutputStream zip, String name, ByteBuffer data) throws IOException {
    ZipArchiveEntry entry = new ZipArchiveEntry(ROOT + name);
    CRC32 crc = new CRC32();
    crc.update(data.duplicate());
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.remaining());
    entry.setCompressedSize(data.remaining());
    entry.setCrc(crc.getValue());
    entry.setTimeLocal(NO_TIME);
    entry.setAlignment(ALIGNMENT);
    zip.putArchiveEntry(entry);
    byte[] chunk = new byte[1 << 16];
    while (data.hasRemaining()) {
      int n = Math.min(chunk.length, data.remaining());
      data.get(chunk, 0, n);
      zip.write(chunk, 0, n);
    }
    zip.closeArchiveEntry();
  }

  static StageFailure unreadable(Path file, String why, Exception cause) {
    return new StageFailure(ExitCode.MISSING, "CheckpointUnreadable", "cannot read " + file + ": " + why, cause);
  }
}
