package dev.flowtraining.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Examples in a file without a name: it is unlinked as soon as it is open, so that its space is free again however the
 * process ends. A restarted run fills it anew. An example is its four lengths, then name, tokens, speaker and mel.
 */
final class DiskCache implements ExampleCache {
  private static final int HEAD = 4 * Integer.BYTES;

  private final FileChannel file;
  private final long maxBytes;
  private final AtomicLong end = new AtomicLong();
  /** Position + 1 of each example; 0 where there is none. */
  private final AtomicLongArray places;

  private DiskCache(FileChannel file, int examples, long maxBytes) {
    this.file = file;
    this.maxBytes = maxBytes;
    places = new AtomicLongArray(examples);
  }

  static DiskCache create(Path folder, int examples, long maxBytes) throws IOException {
    Files.createDirectories(folder);
    Path name = Files.createTempFile(folder, "mel-", ".cache");
    try {
      return new DiskCache(FileChannel.open(name, StandardOpenOption.READ, StandardOpenOption.WRITE), examples,
          maxBytes);
    } finally {
      Files.delete(name);
    }
  }

  @Override
  public Optional<Example> get(int index) {
    long place = places.get(index) - 1;
    if (place < 0) {
      return Optional.empty();
    }
    try {
      ByteBuffer head = read(place, HEAD);
      byte[] utt = new byte[head.getInt()];
      int[] token_2T = new int[head.getInt()];
      float[] speaker = new float[head.getInt()];
      float[] mel_FC = new float[head.getInt()];
      ByteBuffer body = read(place + HEAD,
          utt.length + Integer.BYTES * token_2T.length + Float.BYTES * (speaker.length + mel_FC.length));
      body.get(utt);
      body.slice().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(token_2T);
      body.position(body.position() + Integer.BYTES * token_2T.length);
      body.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(speaker).get(mel_FC);
      return Optional.of(new Example(new String(utt, StandardCharsets.UTF_8), token_2T, mel_FC, speaker));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the mel cache", e);
    }
  }

  @Override
  public void put(int index, Example example) {
    byte[] utt = example.utt().getBytes(StandardCharsets.UTF_8);
    int bytes = HEAD + utt.length + (int) example.bytes();
    long place = end.getAndAdd(bytes);
    if (place + bytes > maxBytes) {
      end.addAndGet(-bytes);
      return;
    }
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(utt.length).putInt(example.token_2T().length).putInt(example.speaker().length)
        .putInt(example.mel_FC().length).put(utt);
    out.slice().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().put(example.token_2T());
    out.position(out.position() + Integer.BYTES * example.token_2T().length);
    out.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(example.speaker()).put(example.mel_FC());
    out.clear();
    try {
      for (long at = place; out.hasRemaining(); ) {
        at += file.write(out, at);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the mel cache on the run's volume; lower "
          + "dataset_conf.mel_cache_mib or set dataset_conf.mel_cache: none", e);
    }
    places.set(index, place + 1);
  }

  private ByteBuffer read(long position, int bytes) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining()) {
      if (file.read(in, position + in.position()) < 0) {
        throw new IOException("the mel cache ends at " + file.size());
      }
    }
    return in.flip();
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
