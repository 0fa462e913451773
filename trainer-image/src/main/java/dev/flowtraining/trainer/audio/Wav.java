package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * RIFF/WAVE: PCM of 8, 16, 24 and 32 bits, float of 32 and 64 bits, plain or WAVE_FORMAT_EXTENSIBLE. Channels are
 * averaged. Full scale is 1.
 */
public final class Wav {
  private static final int PCM = 1;
  private static final int FLOAT = 3;
  private static final int EXTENSIBLE = 0xFFFE;
  private static final long UNKNOWN_SIZE = 0xFFFFFFFFL;

  private Wav() {}

  /**
   * What a file says about its audio, checked against the bytes that are there.
   *
   * @param frames samples per channel
   */
  public record Format(int rate, int channels, int encoding, int bits, int dataOffset, int frames) {
    int frameBytes() {
      return channels * bits / 8;
    }
  }

  /** Reads the header only. */
  public static Format format(byte[] file) throws Unusable {
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    if (file.length < 12) {
      throw new Unusable(RejectReason.NOT_A_WAV, file.length + " bytes are too few for a WAV header");
    }
    if (!tag(file, 0).equals("RIFF") || !tag(file, 8).equals("WAVE")) {
      throw new Unusable(RejectReason.NOT_A_WAV, "does not begin with RIFF…WAVE; convert it to PCM WAV");
    }
    long riffSize = in.getInt(4) & 0xFFFFFFFFL;
    int rate = 0;
    int channels = 0;
    int encoding = 0;
    int bits = 0;
    long at = 12;
    while (at + 8 <= file.length) {
      String id = tag(file, (int) at);
      long size = in.getInt((int) at + 4) & 0xFFFFFFFFL;
      long body = at + 8;
      if (id.equals("fmt ")) {
        if (size < 16 || body + size > file.length) {
          throw new Unusable(RejectReason.TRUNCATED_WAV, "the file ends inside its format chunk");
        }
        int b = (int) body;
        encoding = in.getShort(b) & 0xFFFF;
        channels = in.getShort(b + 2) & 0xFFFF;
        rate = in.getInt(b + 4);
        bits = in.getShort(b + 14) & 0xFFFF;
        if (encoding == EXTENSIBLE && size >= 26) {
          encoding = in.getShort(b + 24) & 0xFFFF;
        }
      } else if (id.equals("data")) {
        check(rate, channels, encoding, bits);
        return data(file, riffSize, size, body, rate, channels, encoding, bits);
      }
      at = body + size + (size & 1);
    }
    throw at > file.length || file.length < 44
        ? new Unusable(RejectReason.TRUNCATED_WAV, "the file ends before its data chunk")
        : new Unusable(RejectReason.ZERO_SAMPLES, "there is no data chunk");
  }

  private static Format data(byte[] file, long riffSize, long size, long body, int rate, int channels, int encoding,
      int bits) throws Unusable {
    long there = file.length - body;
    // programs that write into a pipe cannot go back to fill in the sizes: then the data is all that follows
    boolean streamed = size >= 0x7FFFF000L || size == 0 && (riffSize == 0 || riffSize == UNKNOWN_SIZE);
    int frameBytes = channels * bits / 8;
    if (!streamed && size > there) {
      throw new Unusable(RejectReason.TRUNCATED_WAV,
          "the header promises " + size + " bytes of audio, " + there + " are there");
    }
    int frames = (int) ((streamed ? there : size) / frameBytes);
    if (frames == 0) {
      throw new Unusable(RejectReason.ZERO_SAMPLES, "the data chunk is empty");
    }
    return new Format(rate, channels, encoding, bits, (int) body, frames);
  }

  private static void check(int rate, int channels, int encoding, int bits) throws Unusable {
    if (channels == 0 || rate <= 0) {
      throw new Unusable(RejectReason.NOT_A_WAV,
          "the header gives " + channels + " channels at " + rate + " Hz, or no format at all");
    }
    boolean known = encoding == PCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32)
        || encoding == FLOAT && (bits == 32 || bits == 64);
    if (!known) {
      throw new Unusable(RejectReason.UNSUPPORTED_ENCODING,
          "WAV encoding " + encoding + " with " + bits + " bits; convert it to 16-bit PCM");
    }
  }

  /** Decodes and averages the channels. */
  public static Waveform decode(byte[] file) throws Unusable {
    Format f = format(file);
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    float[] samples = new float[f.frames()];
    int width = f.bits() / 8;
    for (int i = 0; i < samples.length; i++) {
      double sum = 0;
      for (int c = 0; c < f.channels(); c++) {
        sum += sample(in, f.dataOffset() + i * f.frameBytes() + c * width, f);
      }
      samples[i] = (float) (sum / f.channels());
      if (!Float.isFinite(samples[i])) {
        throw new Unusable(RejectReason.NON_FINITE_SAMPLES, "sample " + i + " is " + samples[i]);
      }
    }
    return new Waveform(samples, f.rate());
  }

  private static double sample(ByteBuffer in, int at, Format f) {
    if (f.encoding() == FLOAT) {
      return f.bits() == 32 ? in.getFloat(at) : in.getDouble(at);
    }
    return switch (f.bits()) {
      case 8 -> ((in.get(at) & 0xFF) - 128) / 128.0;
      case 16 -> in.getShort(at) / 32768.0;
      case 24 -> (in.getShort(at) & 0xFFFF | in.get(at + 2) << 16) / 8388608.0;
      default -> in.getInt(at) / 2147483648.0;
    };
  }

  /** Encodes as mono 16-bit PCM; samples beyond full scale are clipped. */
  public static byte[] encode(Waveform wave) {
    int bytes = wave.samples().length * 2;
    ByteBuffer out = ByteBuffer.allocate(44 + bytes).order(ByteOrder.LITTLE_ENDIAN);
    out.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + bytes);
    out.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
    out.putShort((short) PCM).putShort((short) 1).putInt(wave.rate()).putInt(wave.rate() * 2);
    out.putShort((short) 2).putShort((short) 16);
    out.put("data".getBytes(StandardCharsets.US_ASCII)).putInt(bytes);
    for (float s : wave.samples()) {
      out.putShort((short) Math.clamp(Math.round(s * 32768f), Short.MIN_VALUE, Short.MAX_VALUE));
    }
    return out.array();
  }

  private static String tag(byte[] file, int at) {
    return new String(file, at, 4, StandardCharsets.ISO_8859_1);
  }
}
