package dev.flowtraining.trainer.audio;

import com.jcraft.jogg.Packet;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import io.github.jaredmdobson.concentus.OpusDecoder;
import io.github.jaredmdobson.concentus.OpusException;
import io.github.jaredmdobson.concentus.OpusPacketInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Ogg Opus of one or two channels (RFC 7845), at 48 kHz whatever the rate was that went into the encoder. */
final class Opus {
  private static final int RATE = 48_000;
  private static final int HEADERS = 2;
  /** A packet lasts 120 ms at most. */
  private static final int LONGEST = RATE * 120 / 1000;

  private Opus() {}

  /** @param gain dB times 256 */
  private record Stream(List<Packet> packets, int channels, int gain, OggPackets.Span span) {

    static Stream of(byte[] file) throws Unusable {
      OggPackets ogg = OggPackets.of(file);
      List<Packet> packets = ogg.packets();
      if (packets.size() < HEADERS || packets.get(0).bytes < 19) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends within its headers");
      }
      ByteBuffer head = ByteBuffer.wrap(packets.get(0).packet_base).order(ByteOrder.LITTLE_ENDIAN);
      int channels = head.get(9);
      if (channels != 1 && channels != 2) {
        throw new Unusable(RejectReason.UNSUPPORTED_ENCODING,
            "Opus with " + channels + " channels; convert it to one or two");
      }
      int[] duration = new int[packets.size()];
      for (int i = HEADERS; i < duration.length; i++) {
        Packet p = packets.get(i);
        duration[i] = OpusPacketInfo.getNumSamples(p.packet_base, 0, p.bytes, RATE);
        if (duration[i] <= 0) {
          throw new Unusable(RejectReason.CORRUPT_AUDIO, "Opus packet " + i + " is damaged");
        }
      }
      return new Stream(packets, channels, head.getShort(16), ogg.span(HEADERS, duration, head.getShort(10) & 0xFFFF));
    }
  }

  static AudioFile.Info info(byte[] file) throws Unusable {
    Stream s = Stream.of(file);
    return new AudioFile.Info(RATE, s.channels, "Opus", s.span.samples());
  }

  static Waveform decode(byte[] file) throws Unusable {
    Stream s = Stream.of(file);
    MonoBuffer out = new MonoBuffer(s.span.skip(), s.span.samples());
    try {
      OpusDecoder decoder = new OpusDecoder(RATE, s.channels);
      decoder.setGain(s.gain);
      short[] pcm = new short[LONGEST * s.channels];
      for (Packet packet : s.packets.subList(HEADERS, s.packets.size())) {
        int n = decoder.decode(packet.packet_base, 0, packet.bytes, pcm, 0, LONGEST, false);
        for (int i = 0; i < n; i++) {
          out.add(s.channels == 1 ? pcm[i] / 32768f : (pcm[2 * i] + pcm[2 * i + 1]) / 65536f);
        }
      }
    } catch (OpusException e) {
      throw new Unusable(RejectReason.CORRUPT_AUDIO, "an Opus packet is damaged (" + e.getMessage() + ")");
    }
    return out.waveform(RATE);
  }
}
