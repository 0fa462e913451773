package dev.flowtraining.trainer.audio;

import com.jcraft.jogg.Packet;
import com.jcraft.jorbis.Block;
import com.jcraft.jorbis.Comment;
import com.jcraft.jorbis.DspState;
import com.jcraft.jorbis.Info;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.util.List;

/** Ogg Vorbis. JOrbis locks parts of its decoder for the whole process, so threads decode partly in turn. */
final class Vorbis {
  private static final int HEADERS = 3;

  private Vorbis() {}

  private record Stream(OggPackets ogg, Info info, OggPackets.Span span) {

    static Stream of(byte[] file) throws Unusable {
      OggPackets ogg = OggPackets.of(file);
      List<Packet> packets = ogg.packets();
      Info info = new Info();
      info.init();
      Comment comment = new Comment();
      comment.init();
      if (packets.size() < HEADERS) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends within its headers");
      }
      for (int i = 0; i < HEADERS; i++) {
        packets.get(i).b_o_s = i == 0 ? 1 : 0;
        if (info.synthesis_headerin(comment, packets.get(i)) < 0) {
          throw new Unusable(RejectReason.CORRUPT_AUDIO, "Vorbis header " + (i + 1) + " of 3 is damaged");
        }
      }
      return new Stream(ogg, info, ogg.span(HEADERS, durations(info, packets), 0));
    }

    /** A packet completes the overlap of half of the block before and half of its own. */
    private static int[] durations(Info info, List<Packet> packets) throws Unusable {
      int[] duration = new int[packets.size()];
      int before = 0;
      for (int i = HEADERS; i < duration.length; i++) {
        int block = info.blocksize(packets.get(i));
        if (block <= 0) {
          throw new Unusable(RejectReason.CORRUPT_AUDIO, "Vorbis packet " + i + " is damaged");
        }
        duration[i] = before == 0 ? 0 : before / 4 + block / 4;
        before = block;
      }
      return duration;
    }
  }

  static AudioFile.Info info(byte[] file) throws Unusable {
    Stream s = Stream.of(file);
    return new AudioFile.Info(s.info.rate, s.info.channels, "Vorbis", s.span.samples());
  }

  static Waveform decode(byte[] file) throws Unusable {
    Stream s = Stream.of(file);
    MonoBuffer out = new MonoBuffer(s.span.skip(), s.span.samples());
    DspState dsp = new DspState();
    dsp.synthesis_init(s.info);
    Block block = new Block(dsp);
    float[][][] pcm = new float[1][][];
    int[] index = new int[s.info.channels];
    for (Packet packet : s.ogg.packets().subList(HEADERS, s.ogg.packets().size())) {
      packet.e_o_s = 0; // the span cuts the end
      packet.granulepos = -1;
      if (block.synthesis(packet) != 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "a Vorbis packet is damaged");
      }
      dsp.synthesis_blockin(block);
      for (int n = dsp.synthesis_pcmout(pcm, index); n > 0; n = dsp.synthesis_pcmout(pcm, index)) {
        for (int i = 0; i < n; i++) {
          double sum = 0;
          for (int c = 0; c < index.length; c++) {
            sum += pcm[0][c][index[c] + i];
          }
          out.add((float) (sum / index.length));
        }
        dsp.synthesis_read(n);
      }
    }
    return out.waveform(s.info.rate);
  }
}
