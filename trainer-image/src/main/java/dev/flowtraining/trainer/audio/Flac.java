package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.kc7bfi.jflac.ChannelData;
import org.kc7bfi.jflac.FLACDecoder;
import org.kc7bfi.jflac.frame.Frame;

/** FLAC of up to 24 bits, checked against the length and the MD5 of the samples that its header states. */
final class Flac {
  private static final int STREAM_INFO = 34;
  private static final int LONGEST_BLOCK = 65_535;

  private Flac() {}

  /** The header block STREAMINFO. {@code samples} is 0, and md5 all zero, when the encoder did not know them. */
  private record Header(int start, int rate, int channels, int bits, long samples, byte[] md5) {

    static Header of(byte[] file) throws Unusable {
      int start = Mp3Frames.afterId3(file);
      int at = start + 8;
      if (file.length < at + STREAM_INFO) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends within its header");
      }
      if ((file[start + 4] & 0x7F) != 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "the header does not begin with STREAMINFO");
      }
      // 20 bits rate, 3 channels − 1, 5 bits per sample − 1, 36 samples
      long packed = ByteBuffer.wrap(file).getLong(at + 10);
      Header header = new Header(start, (int) (packed >>> 44), (int) (packed >>> 41 & 7) + 1,
          (int) (packed >>> 36 & 31) + 1, packed & 0xF_FFFF_FFFFL,
          Arrays.copyOfRange(file, at + 18, at + STREAM_INFO));
      if (header.rate == 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "the header gives a rate of 0 Hz");
      }
      if (header.bits > 24) {
        throw new Unusable(RejectReason.UNSUPPORTED_ENCODING,
            "FLAC with " + header.bits + " bits; convert it to 24 or 16");
      }
      return header;
    }

    boolean hasMd5() {
      return !Arrays.equals(md5, new byte[16]);
    }
  }

  static AudioFile.Info info(byte[] file) throws Unusable {
    Header header = Header.of(file);
    if (header.samples > Integer.MAX_VALUE - 64) {
      throw new Unusable(RejectReason.TOO_LONG, header.samples + " samples");
    }
    int samples = header.samples == 0 ? decode(file).samples().length : (int) header.samples;
    return new AudioFile.Info(header.rate, header.channels, "FLAC " + header.bits, samples);
  }

  static Waveform decode(byte[] file) throws Unusable {
    Header header = Header.of(file);
    // a header that lies about the length must not cost memory: a block has 11 bytes at least
    long most = (file.length / 11 + 1L) * LONGEST_BLOCK;
    float[] samples = new float[(int) Math.min(header.samples > 0 ? header.samples : LONGEST_BLOCK, most)];
    MessageDigest md5 = md5();
    int n = 0;
    try {
      FLACDecoder decoder =
          new FLACDecoder(new ByteArrayInputStream(file, header.start, file.length - header.start));
      decoder.readMetadata();
      byte[] block = new byte[0];
      for (Frame frame = decoder.readNextFrame(); frame != null; frame = decoder.readNextFrame()) {
        int size = frame.header.blockSize;
        if (n + size > samples.length) {
          samples = Arrays.copyOf(samples, Math.max(n + size, 2 * samples.length));
        }
        mean(decoder.getChannelData(), header, size, samples, n);
        if (header.hasMd5()) {
          block = digest(decoder.getChannelData(), header, size, block, md5);
        }
        n += size;
      }
    } catch (IOException e) {
      throw new Unusable(RejectReason.CORRUPT_AUDIO, "the FLAC data is damaged (" + e.getMessage() + ")");
    }
    if (n < header.samples) {
      throw new Unusable(RejectReason.TRUNCATED_AUDIO,
          "the header promises " + header.samples + " samples, " + n + " are there");
    }
    if (header.hasMd5() && !Arrays.equals(md5.digest(), header.md5)) {
      throw new Unusable(RejectReason.CORRUPT_AUDIO,
          "the samples do not have the MD5 that the header states; write the file anew from its source");
    }
    if (n == 0) {
      throw new Unusable(RejectReason.ZERO_SAMPLES, "there is no audio");
    }
    return new Waveform(n == samples.length ? samples : Arrays.copyOf(samples, n), header.rate);
  }

  private static void mean(ChannelData[] channels, Header header, int size, float[] out, int at) {
    double scale = 1.0 / (1L << header.bits - 1) / header.channels;
    for (int i = 0; i < size; i++) {
      long sum = 0;
      for (int c = 0; c < header.channels; c++) {
        sum += channels[c].getOutput()[i];
      }
      out[at + i] = (float) (sum * scale);
    }
  }

  /** The header's MD5 is that of the interleaved samples as little-endian whole bytes. */
  private static byte[] digest(ChannelData[] channels, Header header, int size, byte[] block, MessageDigest md5) {
    int width = (header.bits + 7) / 8;
    int bytes = size * header.channels * width;
    byte[] out = block.length >= bytes ? block : new byte[bytes];
    int at = 0;
    for (int i = 0; i < size; i++) {
      for (int c = 0; c < header.channels; c++) {
        int v = channels[c].getOutput()[i];
        for (int b = 0; b < width; b++) {
          out[at++] = (byte) (v >> 8 * b);
        }
      }
    }
    md5.update(out, 0, bytes);
    return out;
  }

  private static MessageDigest md5() {
    try {
      return MessageDigest.getInstance("MD5");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }
}
