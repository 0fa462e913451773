package dev.flowtraining.trainer.parquet;

import com.github.luben.zstd.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.bytes.HeapByteBufferAllocator;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.xerial.snappy.Snappy;

/** Snappy, zstd and none. Parquet's own factory would need Hadoop's whole runtime for this. */
final class Codecs implements CompressionCodecFactory {

  @Override
  public BytesInputCompressor getCompressor(CompressionCodecName name) {
    return new Codec(name);
  }

  @Override
  public BytesInputDecompressor getDecompressor(CompressionCodecName name) {
    return new Codec(name);
  }

  @Override
  public void release() {}

  private record Codec(CompressionCodecName name) implements BytesInputCompressor, BytesInputDecompressor {

    @Override
    public BytesInput compress(BytesInput bytes) throws IOException {
      return switch (name) {
        case SNAPPY -> BytesInput.from(Snappy.compress(content(bytes)));
        case ZSTD -> BytesInput.from(Zstd.compress(content(bytes)));
        case UNCOMPRESSED -> bytes;
        default -> throw unsupported();
      };
    }

    @Override
    public BytesInput decompress(BytesInput bytes, int size) throws IOException {
      if (name == CompressionCodecName.UNCOMPRESSED) {
        return bytes;
      }
      // where it lies: pages are large, and copies of them would fill a small heap between two collections
      ByteBuffer buffer = bytes.toByteBuffer(HeapByteBufferAllocator.getInstance(), heap -> { });
      ByteBuffer in = buffer.hasArray() ? buffer : ByteBuffer.wrap(content(bytes));
      int from = in.arrayOffset() + in.position();
      byte[] out = new byte[size];
      long length = switch (name) {
        case SNAPPY -> Snappy.uncompressedLength(in.array(), from, in.remaining()) != size ? -1
            : Snappy.uncompress(in.array(), from, in.remaining(), out, 0);
        case ZSTD -> Zstd.decompressByteArray(out, 0, size, in.array(), from, in.remaining());
        default -> throw unsupported();
      };
      if (length != size) {
        throw new IOException("a page does not unpack to the " + size + " bytes that its header says");
      }
      return BytesInput.from(out);
    }

    @Override
    public void decompress(ByteBuffer in, int inSize, ByteBuffer out, int outSize) throws IOException {
      byte[] bytes = new byte[inSize];
      in.get(bytes);
      out.put(content(decompress(BytesInput.from(bytes), outSize)));
    }

    @Override
    public CompressionCodecName getCodecName() {
      return name;
    }

    @Override
    public void release() {}

    private static byte[] content(BytesInput bytes) throws IOException {
      return bytes.toInputStream().readAllBytes();
    }

    private IOException unsupported() {
      return new IOException("Parquet compression " + name + " is not supported; write the file with snappy or zstd");
    }
  }
}
