package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;

/**
 * Where the audio of an MP3 file lies, found by walking from frame header to frame header. A first frame that holds a
 * Xing or Info tag is no audio; if LAME or Lavc wrote the tag it says how many samples the encoder added at both ends.
 *
 * @param start first byte of the first frame with audio
 * @param end first byte after the last frame
 * @param skip samples at the start that are no part of the recording: the encoder's delay and 529 of the decoder's, as
 *     ffmpeg, sox and lame take it; without the tag 0, as ffmpeg does
 * @param samples of the recording, per channel
 */
record Mp3Frames(int start, int end, int rate, int channels, int frameSamples, int skip, int samples) {
  /** Samples by which every decoder is late. */
  private static final int DECODER_DELAY = 529;
  /** kbit/s of layer III by index; index 0 is a free format, 15 is forbidden. */
  private static final int[] MPEG1 = {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
  private static final int[] MPEG2 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
  private static final int[] RATES = {44_100, 48_000, 32_000};

  /** One frame's header. */
  private record Header(boolean mpeg1, int rate, int bytes, boolean mono) {

    /** Null if these four bytes are no header of a layer III frame. */
    static Header of(byte[] file, int at) {
      if (at < 0 || at + 4 > file.length || file[at] != -1 || (file[at + 1] & 0xE0) != 0xE0) {
        return null;
      }
      int version = file[at + 1] >> 3 & 3; // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
      int layer = file[at + 1] >> 1 & 3; // 1: layer III
      int bitrate = file[at + 2] >> 4 & 15;
      int rate = file[at + 2] >> 2 & 3;
      if (version == 1 || layer != 1 || bitrate == 0 || bitrate == 15 || rate == 3) {
        return null;
      }
      boolean mpeg1 = version == 3;
      int hz = RATES[rate] >> (mpeg1 ? 0 : version == 2 ? 1 : 2);
      int kbits = (mpeg1 ? MPEG1 : MPEG2)[bitrate];
      int bytes = (mpeg1 ? 144 : 72) * kbits * 1000 / hz + (file[at + 2] >> 1 & 1);
      return new Header(mpeg1, hz, bytes, (file[at + 3] & 0xC0) == 0xC0);
    }

    boolean continues(Header before) {
      return mpeg1 == before.mpeg1 && rate == before.rate;
    }

    /** From the frame's start to where a Xing tag would be. */
    int sideInfoEnd() {
      return 4 + (mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17));
    }

    int samples() {
      return mpeg1 ? 1152 : 576;
    }
  }

  /** Where the file begins after ID3v2 tags and their padding. */
  static int afterId3(byte[] file) {
    int at = 0;
    while (AudioFormat.begins(file, at, "ID3") && at + 10 <= file.length) {
      int size = (file[at + 6] & 0x7F) << 21 | (file[at + 7] & 0x7F) << 14 | (file[at + 8] & 0x7F) << 7
          | file[at + 9] & 0x7F;
      boolean footer = (file[at + 5] & 0x10) != 0;
      at += 10 + size + (footer ? 10 : 0);
      while (at < file.length && file[at] == 0) {
        at++;
      }
    }
    return at;
  }

  /** Whether a frame of layer III begins here, and after it another one or the end of the file. */
  static boolean isHeader(byte[] file, int at) {
    Header header = Header.of(file, at);
    if (header == null) {
      return false;
    }
    Header next = Header.of(file, at + header.bytes);
    return at + header.bytes + 4 > file.length || next != null && next.continues(header)
        || isTrailer(file, at + header.bytes);
  }

  static Mp3Frames of(byte[] file) throws Unusable {
    int at = afterId3(file);
    Header first = Header.of(file, at);
    Tag tag = Tag.of(file, at, first);
    int start = tag == null ? at : at + first.bytes;
    long frames = 0;
    at = start;
    for (Header h = Header.of(file, at); h != null; h = Header.of(file, at)) {
      if (!h.continues(first)) {
        throw new Unusable(RejectReason.CORRUPT_AUDIO, "the format changes at byte " + at);
      }
      if (at + h.bytes > file.length) {
        throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends within an MP3 frame");
      }
      at += h.bytes;
      frames++;
    }
    if (at < file.length && !isTrailer(file, at)) {
      throw file.length - at < 4
          ? new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends within an MP3 frame")
          : new Unusable(RejectReason.CORRUPT_AUDIO,
              "there is no MP3 frame at byte " + at + " of " + file.length + "; write the file anew from its source");
    }
    if (tag != null && frames < tag.frames) {
      throw new Unusable(RejectReason.TRUNCATED_AUDIO,
          "the header promises " + tag.frames + " frames, " + frames + " are there");
    }
    int skip = tag == null || tag.delay < 0 ? 0 : tag.delay + DECODER_DELAY;
    int cut = tag == null || tag.delay < 0 ? 0 : Math.max(0, tag.padding - DECODER_DELAY);
    long samples = frames * first.samples() - skip - cut;
    if (samples <= 0) {
      throw new Unusable(RejectReason.ZERO_SAMPLES, "there is no audio");
    }
    if (samples > Integer.MAX_VALUE - 64) {
      throw new Unusable(RejectReason.TOO_LONG, samples + " samples");
    }
    return new Mp3Frames(start, at, first.rate, first.mono ? 1 : 2, first.samples(), skip, (int) samples);
  }

  /** Tags that programs append. */
  private static boolean isTrailer(byte[] file, int at) {
    if (AudioFormat.begins(file, at, "TAG") || AudioFormat.begins(file, at, "APETAGEX")
        || AudioFormat.begins(file, at, "LYRICSBEGIN") || AudioFormat.begins(file, at, "3DI")) {
      return true;
    }
    for (int i = at; i < file.length; i++) {
      if (file[i] != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * The Xing or Info tag.
   *
   * @param frames with audio, 0 if it does not say
   * @param delay samples that the encoder put in front, −1 if it does not say
   * @param padding samples that the encoder appended
   */
  private record Tag(int frames, int delay, int padding) {

    static Tag of(byte[] file, int at, Header first) {
      int tag = at + first.sideInfoEnd();
      if (!AudioFormat.begins(file, tag, "Xing") && !AudioFormat.begins(file, tag, "Info")
          || at + first.bytes > file.length) {
        return AudioFormat.begins(file, at + 36, "VBRI") ? new Tag(0, -1, 0) : null;
      }
      int flags = file[tag + 7];
      int next = tag + 8;
      int frames = 0;
      if ((flags & 1) != 0) {
        frames = (file[next] & 0xFF) << 24 | (file[next + 1] & 0xFF) << 16 | (file[next + 2] & 0xFF) << 8
            | file[next + 3] & 0xFF;
        next += 4;
      }
      next += ((flags & 2) != 0 ? 4 : 0) + ((flags & 4) != 0 ? 100 : 0) + ((flags & 8) != 0 ? 4 : 0);
      boolean lame = AudioFormat.begins(file, next, "LAME") || AudioFormat.begins(file, next, "Lavf")
          || AudioFormat.begins(file, next, "Lavc");
      if (!lame || next + 24 > at + first.bytes) {
        return new Tag(frames, -1, 0);
      }
      int gaps = (file[next + 21] & 0xFF) << 16 | (file[next + 22] & 0xFF) << 8 | file[next + 23] & 0xFF;
      return new Tag(frames, gaps >> 12, gaps & 0xFFF);
    }
  }
}
