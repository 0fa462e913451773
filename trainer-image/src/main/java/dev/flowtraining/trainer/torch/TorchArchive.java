package dev.flowtraining.trainer.torch;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/** The zip around a torch pickle, opened for reading. Deflated and stored members, zip64 and data descriptors do. */
final class TorchArchive implements AutoCloseable {
  private static final int MAP_FROM = 1 << 16; // smaller members are copied

  private final FileChannel channel;
  private final ZipFile zip;
  private final String root;
  private final Map<String, ByteBuffer> storages = new HashMap<>();

  private TorchArchive(FileChannel channel, ZipFile zip, String root) {
    this.channel = channel;
    this.zip = zip;
    this.root = root;
  }

  static TorchArchive open(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      ZipFile zip;
      try {
        zip = ZipFile.builder().setSeekableByteChannel(channel).get();
      } catch (IOException e) {
        throw new IOException("it is no torch checkpoint, or a part of one (" + e.getMessage() + ")", e);
      }
      ZipArchiveEntry pickle = Collections.list(zip.getEntries()).stream()
          .filter(e -> e.getName().endsWith("/data.pkl")).findFirst()
          .orElseThrow(() -> new IOException("the zip has no data.pkl, so torch.save did not write it"));
      String root = pickle.getName().substring(0, pickle.getName().length() - "data.pkl".length());
      TorchArchive archive = new TorchArchive(channel, zip, root);
      if (zip.getEntry(root + "byteorder") != null && !archive.text("byteorder").equals("little")) {
        throw new IOException("it was written on a big-endian machine");
      }
      return archive;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  byte[] pickle() throws IOException {
    return bytes(member("data.pkl"));
  }

  /** The values that a view shows, row-major; without a copy when they lie so already. */
  StateDict.Tensor tensor(Unpickler.TensorView view) throws IOException {
    int width = view.storage().dtype().bytes();
    ByteBuffer storage = storage(view.storage());
    if (view.stride().length != view.shape().length || Arrays.stream(view.shape()).anyMatch(d -> d < 0)
        || Arrays.stream(view.stride()).anyMatch(s -> s < 0) || view.offset() < 0) {
      throw new IOException("a tensor of shape " + Arrays.toString(view.shape()) + " with stride "
          + Arrays.toString(view.stride()) + " at " + view.offset());
    }
    long elements = 1;
    long end = view.offset() + 1;
    for (int d = 0; d < view.shape().length; d++) {
      elements = Math.multiplyExact(elements, view.shape()[d]);
      end = Math.addExact(end, Math.multiplyExact(Math.max(view.shape()[d] - 1, 0), view.stride()[d]));
    }
    if (elements > 0 && end > view.storage().elements() || elements * width > Integer.MAX_VALUE) {
      throw new IOException("a tensor of shape " + Arrays.toString(view.shape()) + " is larger than its storage of "
          + view.storage().elements() + " values, or than 2 GiB");
    }
    ByteBuffer values = elements == 0 ? ByteBuffer.allocate(0)
        : contiguous(view) ? storage.slice((int) (view.offset() * width), (int) (elements * width))
        : gather(storage, view, (int) elements, width);
    return new StateDict.Tensor(view.storage().dtype(), view.shape(), values.order(ByteOrder.LITTLE_ENDIAN));
  }

  private static boolean contiguous(Unpickler.TensorView view) {
    long expected = 1;
    for (int d = view.shape().length - 1; d >= 0; d--) {
      if (view.shape()[d] != 1 && view.stride()[d] != expected) {
        return false;
      }
      expected *= view.shape()[d];
    }
    return true;
  }

  private static ByteBuffer gather(ByteBuffer storage, Unpickler.TensorView view, int elements, int width) {
    ByteBuffer out = ByteBuffer.allocate(elements * width);
    long[] index = new long[view.shape().length];
    for (int n = 0; n < elements; n++) {
      long at = view.offset();
      for (int d = 0; d < index.length; d++) {
        at += index[d] * view.stride()[d];
      }
      out.put(n * width, storage, (int) at * width, width);
      for (int d = index.length - 1; d >= 0 && ++index[d] == view.shape()[d]; d--) {
        index[d] = 0;
      }
    }
    return out;
  }

  private ByteBuffer storage(Unpickler.Storage storage) throws IOException {
    ByteBuffer data = storages.get(storage.key());
    if (data == null) {
      data = load(member("data/" + storage.key()));
      storages.put(storage.key(), data);
    }
    if (data.limit() != storage.elements() * storage.dtype().bytes()) {
      throw new IOException("storage " + storage.key() + " has " + data.limit() + " bytes, not "
          + storage.elements() + " × " + storage.dtype().bytes());
    }
    return data;
  }

  private ByteBuffer load(ZipArchiveEntry entry) throws IOException {
    if (entry.getSize() > Integer.MAX_VALUE) {
      throw new IOException("member " + entry.getName() + " is larger than 2 GiB");
    }
    if (entry.getMethod() != ZipEntry.STORED || entry.getSize() < MAP_FROM) {
      return ByteBuffer.wrap(bytes(entry));
    }
    ByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, entry.getDataOffset(), entry.getSize());
    verify(entry, mapped);
    return mapped;
  }

  private byte[] bytes(ZipArchiveEntry entry) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(Math.toIntExact(entry.getSize()));
      verify(entry, ByteBuffer.wrap(bytes));
      return bytes;
    }
  }

  private static void verify(ZipArchiveEntry entry, ByteBuffer data) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(data.duplicate());
    if (data.remaining() != entry.getSize() || crc.getValue() != entry.getCrc()) {
      throw new IOException("member " + entry.getName() + " is damaged: its checksum is wrong");
    }
  }

  private String text(String name) throws IOException {
    return new String(bytes(member(name)), StandardCharsets.US_ASCII).strip();
  }

  private ZipArchiveEntry member(String name) throws IOException {
    ZipArchiveEntry entry = zip.getEntry(root + name);
    if (entry == null) {
      throw new IOException("it lacks the member " + root + name);
    }
    return entry;
  }

  /** Mapped tensors stay readable. */
  @Override
  public void close() throws IOException {
    zip.close();
    channel.close();
  }
}
