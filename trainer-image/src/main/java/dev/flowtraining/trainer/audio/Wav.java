package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * RIFF/WAVE and RF64: PCM of 8, 16, 24 and 32 bits, float of 32 and 64 bits, A-law and µ-law, plain or
 * WAVE_FORMAT_EXTENSIBLE. Channels are averaged. Full scale is 1.
 */
public final class Wav {
  private static final int PCM = 1;
  private static final int FLOAT = 3;
  private static final int A_LAW = 6;
  private static final int MU_LAW = 7;
  private static final int EXTENSIBLE = 0xFFFE;
  private static final float[] A_LAW_VALUES = new float[256];
  private static final float[] MU_LAW_VALUES = new float[256];

  static {
    for (int i = 0; i < 256; i++) {
      A_LAW_VALUES[i] = aLaw(i) / 32768f;
      MU_LAW_VALUES[i] = muLaw(i) / 32768f;
    }
  }

  private Wav() {}

  /** The chunk "fmt ". */
  private record Format(int rate, int channels, int encoding, int bits) {

    static Format of(ByteBuffer in, int at, long size) throws Unusable {
      if (size < 16 || at + size > in.limit()) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends inside its format chunk");
      }
      int encoding = in.getShort(at) & 0xFFFF;
      if (encoding == EXTENSIBLE && size >= 26) {
        encoding = in.getShort(at + 24) & 0xFFFF;
      }
      Format format =
          new Format(in.getInt(at + 4), in.getShort(at + 2) & 0xFFFF, encoding, in.getShort(at + 14) & 0xFFFF);
      if (format.channels == 0 || format.rate <= 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO,
            "the header gives " + format.channels + " channels at " + format.rate + " Hz");
      }
      if (!format.isKnown() || (in.getShort(at + 12) & 0xFFFF) != format.frameBytes()) {
        throw new Unusable(RejectReason.UNSUPPORTED_ENCODING, "WAV encoding " + encoding + " with " + format.bits
            + " bits in frames of " + (in.getShort(at + 12) & 0xFFFF) + " bytes; convert it to 16-bit PCM");
      }
      return format;
    }

    private boolean isKnown() {
      return switch (encoding) {
        case PCM -> bits == 8 || bits == 16 || bits == 24 || bits == 32;
        case FLOAT -> bits == 32 || bits == 64;
        case A_LAW, MU_LAW -> bits == 8;
        default -> false;
      };
    }

    String name() {
      return switch (encoding) {
        case PCM -> "PCM " + bits;
        case FLOAT -> "float " + bits;
        case A_LAW -> "A-law";
        default -> "µ-law";
      };
    }

    int frameBytes() {
      return channels * bits / 8;
    }
  }

  /** The chunk "data", which is there as a whole. */
  private record Data(Format format, int at, int frames) {

    static Data of(byte[] file) throws Unusable {
      ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
      Format format = null;
      long size64 = -1;
      long at = 12;
      while (at + 8 <= file.length) {
        int body = (int) at + 8;
        long size = in.getInt(body - 4) & 0xFFFFFFFFL;
        if (AudioFormat.begins(file, (int) at, "ds64") && size >= 16 && body + 16 <= file.length) {
          size64 = in.getLong(body + 8);
        } else if (AudioFormat.begins(file, (int) at, "fmt ")) {
          format = Format.of(in, body, size);
        } else if (AudioFormat.begins(file, (int) at, "data")) {
          if (format == null) {
            throw new Unusable(RejectReason.CORRUPT_AUDIO, "there is no format chunk before the data");
          }
          return new Data(format, body, frames(size == 0xFFFFFFFFL && size64 >= 0 ? size64 : size, file.length - body,
              format.frameBytes()));
        }
        at = body + size + (size & 1);
      }
      throw at > file.length || file.length < 44
          ? new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends before its data chunk")
          : new Unusable(RejectReason.ZERO_SAMPLES, "there is no data chunk");
    }

    private static int frames(long size, int there, int frameBytes) throws Unusable {
      // programs that write into a pipe cannot go back and fill in the size; then nothing tells a cut file from a whole
      if (size >= 0x7FFFF000L && size > there || size == 0 && there >= frameBytes) {
        throw new Unusable(RejectReason.UNKNOWN_LENGTH, "the header gives " + size + " bytes of audio where " + there
            + " are, as written into a pipe; if it is whole, write it anew: sox --ignore-length FILE NEW");
      }
      if (size > there) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO,
            "the header promises " + size + " bytes of audio, " + there + " are there");
      }
      if (size < frameBytes) {
        throw new Unusable(RejectReason.ZERO_SAMPLES, "the data chunk is empty");
      }
      return (int) (size / frameBytes);
    }
  }

  static AudioFile.Info info(byte[] file) throws Unusable {
    Data data = Data.of(file);
    return new AudioFile.Info(data.format.rate, data.format.channels, data.format.name(), data.frames);
  }

  /** Decodes and averages the channels. */
  static Waveform decode(byte[] file) throws Unusable {
    Data data = Data.of(file);
    Format f = data.format;
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    float[] samples = new float[data.frames];
    if (f.encoding == PCM && f.bits == 16 && f.channels == 1) { // most recordings: a loop without a choice in it
      for (int i = 0; i < samples.length; i++) {
        samples[i] = in.getShort(data.at + 2 * i) / 32768f;
      }
      return new Waveform(samples, f.rate);
    }
    int width = f.bits / 8;
    int at = data.at;
    for (int i = 0; i < samples.length; i++) {
      double sum = 0;
      for (int c = 0; c < f.channels; c++, at += width) {
        sum += sample(in, at, f);
      }
      samples[i] = (float) (sum / f.channels);
      if (!Float.isFinite(samples[i])) {
        throw new Unusable(RejectReason.NON_FINITE_SAMPLES, "sample " + i + " is " + samples[i]);
      }
    }
    return new Waveform(samples, f.rate);
  }

  private static double sample(ByteBuffer in, int at, Format f) {
    return switch (f.encoding) {
      case FLOAT -> f.bits == 32 ? in.getFloat(at) : in.getDouble(at);
      case A_LAW -> A_LAW_VALUES[in.get(at) & 0xFF];
      case MU_LAW -> MU_LAW_VALUES[in.get(at) & 0xFF];
      default -> switch (f.bits) {
        case 8 -> ((in.get(at) & 0xFF) - 128) / 128.0;
        case 16 -> in.getShort(at) / 32768.0;
        case 24 -> (in.getShort(at) & 0xFFFF | in.get(at + 2) << 16) / 8388608.0;
        default -> in.getInt(at) / 2147483648.0;
      };
    };
  }

  /** ITU-T G.711: sign, 3 bits exponent, 4 bits mantissa, every second bit inverted; 16-bit scale. */
  private static int aLaw(int code) {
    int v = code ^ 0x55;
    int exponent = v >> 4 & 7;
    int magnitude = (v & 15) << 4 | 8;
    magnitude = exponent == 0 ? magnitude : magnitude + 256 << exponent - 1;
    return (v & 0x80) != 0 ? magnitude : -magnitude;
  }

  /** ITU-T G.711: all bits inverted, the segments biased by 33 (132 in the 16-bit scale). */
  private static int muLaw(int code) {
    int v = ~code;
    int magnitude = (((v & 15) << 3) + 132 << (v >> 4 & 7)) - 132;
    return (v & 0x80) != 0 ? -magnitude : magnitude;
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
}
