package dev.flowtraining.trainer.audio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A file that is not whole is refused with its reason; never is a shorter recording made of it. */
class BadAudioTest {
  private static final String WAV = "s16_16000_2ch.wav";
  private static final String FLAC = "flac16_16000_2ch.flac";
  private static final String VORBIS = "vorbis_16000_2ch.ogg";
  private static final String OPUS = "opus_16000_2ch.opus";
  private static final String MP3 = "cbr_16000_2ch.mp3";

  @ParameterizedTest
  @ValueSource(strings = {WAV, "rf64_16000_1ch.wav", FLAC, VORBIS, OPUS, MP3})
  void cutAnywhere(String name) throws IOException {
    byte[] whole = read(name);
    for (int n = whole.length - 1; n > 0; n -= 1 + whole.length / 97) {
      byte[] part = Arrays.copyOf(whole, n);
      assertThatThrownBy(() -> AudioFile.of(part).decode()).as(name + " cut to " + n).isInstanceOf(Unusable.class);
    }
    assertReason(Arrays.copyOf(whole, whole.length - 1), RejectReason.TRUNCATED_AUDIO);
    assertReason(Arrays.copyOf(whole, whole.length / 2), RejectReason.TRUNCATED_AUDIO);
  }

  @ParameterizedTest
  @ValueSource(strings = {FLAC, VORBIS, OPUS})
  void damagedInTheMiddle(String name) throws IOException {
    byte[] file = read(name);
    for (int at = file.length / 2; at < file.length; at += file.length / 5) {
      byte[] damaged = file.clone();
      damaged[at] ^= 0x10;
      assertReason(damaged, RejectReason.CORRUPT_AUDIO);
    }
  }

  @Test
  void emptyAndForeign() {
    assertReason(new byte[0], RejectReason.NOT_AUDIO);
    assertReason("just words".getBytes(StandardCharsets.US_ASCII), RejectReason.NOT_AUDIO);
    assertReason(new byte[5000], RejectReason.NOT_AUDIO);
    assertReason("\0\0\0 ftypM4A isom and more".getBytes(StandardCharsets.US_ASCII), RejectReason.NOT_AUDIO, "AAC");
    assertReason(Wav.encode(new Waveform(new float[0], 16_000)), RejectReason.ZERO_SAMPLES);
  }

  @Test
  void headersThatDoNotKnowTheLength() throws IOException {
    byte[] wav = read(WAV);
    ByteBuffer header = ByteBuffer.wrap(wav).order(ByteOrder.LITTLE_ENDIAN);
    int size = wav.length - 44;
    assertThat(header.getInt(40)).isEqualTo(size);
    for (int claimed : new int[] {-1, 0x7FFFF000, 0}) {
      assertReason(header.putInt(40, claimed).array(), RejectReason.UNKNOWN_LENGTH, "sox --ignore-length");
    }
    assertReason(header.putInt(40, size + 4).array(), RejectReason.TRUNCATED_AUDIO, String.valueOf(size + 4));
  }

  @Test
  void encodingsThatAreNotRead() throws IOException {
    byte[] adpcm = read(WAV);
    adpcm[20] = 2;
    assertReason(adpcm, RejectReason.UNSUPPORTED_ENCODING, "encoding 2", "convert");
    byte[] odd = read(WAV);
    odd[34] = 12; // bits, of which no whole number of bytes
    assertReason(odd, RejectReason.UNSUPPORTED_ENCODING, "12 bits");
    byte[] ogg = read(VORBIS);
    System.arraycopy("Speex   ".getBytes(StandardCharsets.US_ASCII), 0, ogg, 28, 8);
    assertReason(ogg, RejectReason.UNSUPPORTED_ENCODING, "Ogg");
  }

  @Test
  void nonFinite() {
    ByteBuffer b = ByteBuffer.allocate(52).order(ByteOrder.LITTLE_ENDIAN);
    b.put(Wav.encode(new Waveform(new float[4], 16_000)));
    b.putShort(20, (short) 3).putShort(32, (short) 4).putShort(34, (short) 32).putFloat(48, Float.NaN);
    assertReason(b.array(), RejectReason.NON_FINITE_SAMPLES, "sample 1");
  }

  @Test
  void namesMustAgree() throws Unusable {
    AudioFormat.FLAC.requireName("a.FLAC");
    AudioFormat.OPUS.requireName("a.ogg");
    AudioFormat.MP3.requireName("2024.03.take-1");
    assertThatThrownBy(() -> AudioFormat.FLAC.requireName("a.wav")).isInstanceOfSatisfying(Unusable.class,
        e -> assertThat(e.reason()).isEqualTo(RejectReason.WRONG_EXTENSION))
        .hasMessageContaining("is named .wav and holds FLAC").hasMessageContaining(".flac");
    assertThatThrownBy(() -> AudioFormat.WAV.requireName("a.m4a")).hasMessageContaining("holds WAV");
  }

  @Test
  void tagsAroundMp3AreSkipped() throws IOException {
    byte[] mp3 = read(MP3);
    float[] samples = AudioFile.of(mp3).decode().samples();
    ByteBuffer tagged = ByteBuffer.allocate(10 + 300 + 7 + mp3.length + 128);
    tagged.put("ID3\4\0\0\0\0\2\54".getBytes(StandardCharsets.ISO_8859_1)).position(10 + 300 + 7);
    tagged.put(mp3).put("TAG".getBytes(StandardCharsets.US_ASCII));
    assertThat(AudioFile.of(tagged.array()).decode().samples()).isEqualTo(samples);
  }

  private static byte[] read(String name) throws IOException {
    return Files.readAllBytes(AudioFileTest.sample(name));
  }

  private static void assertReason(byte[] file, RejectReason reason, String... parts) {
    assertThatThrownBy(() -> AudioFile.of(file).decode()).isInstanceOfSatisfying(Unusable.class, e -> {
      assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason);
      assertThat(parts).allSatisfy(part -> assertThat(e).hasMessageContaining(part));
    });
  }
}
