package dev.flowtraining.trainer.parquet;

import com.github.luben.zstd.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.parquet.bytes.BytesInput;
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
      return switch (name) {
        case SNAPPY -> BytesInput.from(Snappy.uncompress(content(bytes)));
        case ZSTD -> BytesInput.from(Zstd.decompress(content(bytes), size));
        case UNCOMPRESSED -> bytes;
        default -> throw unsupported();
      };
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
