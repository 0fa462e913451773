package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;

/**
 * The bytes of a recording, whatever the format, and the door to its samples. A file that is cut off, damaged or does
 * not say how long it is gives {@link Unusable} with the reason, never a shorter recording. Decoding needs the memory
 * of the bytes, of the samples, and of one block of the codec.
 */
public record AudioFile(AudioFormat format, byte[] bytes) {

  /**
   * What a recording is.
   *
   * @param rate samples per second
   * @param encoding such as {@code PCM 16}, {@code float 32} or {@code Opus}
   * @param samples per channel
   */
  public record Info(int rate, int channels, String encoding, int samples) {
    public double seconds() {
      return samples / (double) rate;
    }
  }

  private interface Read<T> {
    T get() throws Unusable;
  }

  /** Looks at the first bytes; the file's name plays no part. */
  public static AudioFile of(byte[] bytes) throws Unusable {
    return new AudioFile(AudioFormat.of(bytes), bytes);
  }

  /** Rate and number of the samples that {@link #decode} gives, from headers and packet sizes, without decoding. */
  public Info info() throws Unusable {
    return guarded(() -> switch (format) {
      case WAV -> Wav.info(bytes);
      case FLAC -> Flac.info(bytes);
      case VORBIS -> Vorbis.info(bytes);
      case OPUS -> Opus.info(bytes);
      case MP3 -> Mp3.info(bytes);
    });
  }

  /** The samples, averaged over the channels. */
  public Waveform decode() throws Unusable {
    return guarded(() -> switch (format) {
      case WAV -> Wav.decode(bytes);
      case FLAC -> Flac.decode(bytes);
      case VORBIS -> Vorbis.decode(bytes);
      case OPUS -> Opus.decode(bytes);
      case MP3 -> Mp3.decode(bytes);
    });
  }

  /** Codecs meet damaged data with whatever exception comes first. */
  private <T> T guarded(Read<T> read) throws Unusable {
    try {
      return read.get();
    } catch (RuntimeException e) {
      Unusable unusable = new Unusable(RejectReason.CORRUPT_AUDIO,
          "the " + format + " data is damaged (" + e + "); write the file anew from its source");
      unusable.initCause(e);
      throw unusable;
    }
  }
}
