package dev.flowtraining.trainer.audio;

import com.jcraft.jogg.Packet;
import com.jcraft.jogg.Page;
import com.jcraft.jogg.StreamState;
import com.jcraft.jogg.SyncState;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.util.ArrayList;
import java.util.List;

/**
 * The packets of an Ogg file with one stream.
 *
 * @param granules for each packet the position at the end of its page, if it is the last that ends on a page, else −1
 */
record OggPackets(List<Packet> packets, List<Long> granules) {

  /** @throws Unusable when a page is cut off, damaged or missing, or the mark of the stream's end is */
  static OggPackets of(byte[] file) throws Unusable {
    SyncState sync = new SyncState();
    sync.init();
    int at = sync.buffer(file.length);
    System.arraycopy(file, 0, sync.data, at, file.length);
    sync.wrote(file.length);
    StreamState stream = new StreamState();
    Page page = new Page();
    OggPackets all = new OggPackets(new ArrayList<>(), new ArrayList<>());
    int read = 0;
    boolean ended = false;
    while (read < file.length) {
      int bytes = sync.pageseek(page);
      if (bytes == 0) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO,
            "the file ends within an Ogg page, " + (file.length - read) + " bytes after its start");
      }
      if (bytes < 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "the Ogg page at byte " + read + " is damaged");
      }
      if (read == 0) {
        stream.init(page.serialno());
      } else if (page.bos() != 0) {
        throw new Unusable(RejectReason.UNSUPPORTED_ENCODING,
            "the Ogg file holds several streams; split it, or convert it to FLAC");
      }
      read += bytes;
      ended = page.eos() != 0;
      if (stream.pagein(page) != 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "the Ogg page before byte " + read + " belongs elsewhere");
      }
      all.take(stream, page.granulepos());
    }
    if (!ended) {
      throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the last Ogg page does not end the stream; if the recording is"
          + " whole, write it anew: ffmpeg -i FILE -c copy NEW");
    }
    return all;
  }

  private void take(StreamState stream, long granule) throws Unusable {
    int before = packets.size();
    Packet packet = new Packet();
    for (int got = stream.packetout(packet); got != 0; got = stream.packetout(packet)) {
      if (got < 0) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "an Ogg page is missing after " + packets.size() + " packets");
      }
      byte[] bytes = new byte[packet.bytes];
      System.arraycopy(packet.packet_base, packet.packet, bytes, 0, bytes.length);
      packet.packet_base = bytes; // the stream will reuse its own
      packet.packet = 0;
      packets.add(packet);
      granules.add(-1L);
      packet = new Packet();
    }
    if (packets.size() > before) {
      granules.set(packets.size() - 1, granule);
    }
  }

  /**
   * The part of the decoded samples that is the recording.
   *
   * @param skip samples to drop at the start
   * @param samples to keep after these
   */
  record Span(int skip, int samples) {}

  /**
   * Where the recording begins and ends: the last page's position is its length, also when the packets hold more; a
   * first page whose position is not that of its packets shows that the stream was cut out of a longer one.
   *
   * @param headers packets without audio
   * @param duration samples that each packet adds
   * @param preSkip samples that the encoder put in front
   */
  Span span(int headers, int[] duration, int preSkip) throws Unusable {
    long decoded = 0;
    long start = Long.MIN_VALUE;
    long end = 0;
    boolean several = false;
    for (int i = headers; i < duration.length; i++) {
      decoded += duration[i];
      if (granules.get(i) >= 0) {
        several = start != Long.MIN_VALUE;
        if (!several) {
          start = granules.get(i) - decoded;
        }
        end = granules.get(i);
      }
    }
    if (decoded > Integer.MAX_VALUE - 64) {
      throw new Unusable(RejectReason.TOO_LONG, decoded + " samples");
    }
    // on a stream of one page a position before the last sample means that the end is cut, on others the start is
    long cutStart = several ? Math.max(0, -start) : 0;
    long samples = Math.min(decoded - cutStart, end - Math.max(0, start)) - preSkip;
    if (samples <= 0) {
      throw new Unusable(RejectReason.ZERO_SAMPLES, "there is no audio");
    }
    return new Span((int) (cutStart + preSkip), (int) samples);
  }
}
