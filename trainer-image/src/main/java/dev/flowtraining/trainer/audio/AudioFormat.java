package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The kinds of audio file that are read. Which one a file is, its content says; its name has to agree. */
public enum AudioFormat {
  WAV("wav", "wave"),
  FLAC("flac"),
  /** Vorbis in Ogg. */
  VORBIS("ogg", "oga"),
  /** Opus in Ogg. */
  OPUS("opus", "ogg", "oga"),
  /** MPEG 1, 2 and 2.5, layer III. */
  MP3("mp3");

  /** Extensions by which people know audio that is not read. */
  private static final Set<String> OTHER = Set.of("m4a", "mp4", "aac", "wma", "aiff", "aif", "amr", "webm", "mp2",
      "ape", "wv", "au", "snd", "sph", "caf", "w64", "spx");

  private final List<String> extensions;

  AudioFormat(String... extensions) {
    this.extensions = List.of(extensions);
  }

  /** Whether a file of this name is meant to be audio, readable or not. */
  public static boolean isAudioName(String fileName) {
    return OTHER.contains(extension(fileName)) || isReadableName(extension(fileName));
  }

  private static boolean isReadableName(String extension) {
    return List.of(values()).stream().anyMatch(f -> f.extensions.contains(extension));
  }

  /** Lower case, without the dot; empty when there is none. */
  public static String extension(String fileName) {
    int dot = fileName.lastIndexOf('.');
    return dot < 1 ? "" : fileName.substring(dot + 1).toLowerCase(Locale.ROOT);
  }

  /** @throws Unusable {@link RejectReason#WRONG_EXTENSION} when the name promises another kind of audio */
  public void requireName(String fileName) throws Unusable {
    String extension = extension(fileName);
    if (isAudioName(fileName) && !extensions.contains(extension)) {
      throw new Unusable(RejectReason.WRONG_EXTENSION, "is named ." + extension + " and holds " + name()
          + "; name it ." + extensions.getFirst() + " if that is what it should be");
    }
  }

  /** @throws Unusable {@link RejectReason#NOT_AUDIO} when nothing that is read begins like this */
  static AudioFormat of(byte[] file) throws Unusable {
    if (file.length == 0) {
      throw new Unusable(RejectReason.NOT_AUDIO, "the file is empty");
    }
    int start = Mp3Frames.afterId3(file);
    if (begins(file, 0, "RIFF") || begins(file, 0, "RF64")) {
      if (begins(file, 8, "WAVE") || file.length < 12) {
        return WAV;
      }
    } else if (begins(file, start, "fLaC")) {
      return FLAC;
    } else if (begins(file, 0, "OggS")) {
      return ogg(file);
    } else if (Mp3Frames.isHeader(file, start)) {
      return MP3;
    }
    throw new Unusable(RejectReason.NOT_AUDIO, "holds neither WAV, FLAC, Ogg Vorbis, Ogg Opus nor MP3"
        + (begins(file, 4, "ftyp") ? " but MP4 (AAC)" : "") + "; convert it to one of these");
  }

  private static AudioFormat ogg(byte[] file) throws Unusable {
    int body = file.length > 26 ? 27 + (file[26] & 0xFF) : file.length;
    if (begins(file, body, "\u0001vorbis")) {
      return VORBIS;
    }
    if (begins(file, body, "OpusHead")) {
      return OPUS;
    }
    if (file.length < body + 8) {
      throw new Unusable(RejectReason.TRUNCATED_AUDIO, "the file ends within its first Ogg page");
    }
    throw new Unusable(RejectReason.UNSUPPORTED_ENCODING,
        "is Ogg with something else than Vorbis or Opus in front; convert it to one of these or to FLAC");
  }

  static boolean begins(byte[] file, int at, String magic) {
    byte[] wanted = magic.getBytes(StandardCharsets.ISO_8859_1);
    if (at < 0 || at > file.length - wanted.length) {
      return false;
    }
    for (int i = 0; i < wanted.length; i++) {
      if (file[at + i] != wanted[i]) {
        return false;
      }
    }
    return true;
  }
}
