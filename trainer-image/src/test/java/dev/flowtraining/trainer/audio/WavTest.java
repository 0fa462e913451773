package dev.flowtraining.trainer.audio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class WavTest {
  private static final float[] SOUND = {0, 0.5f, -0.25f, 0.75f, -1};

  @Test
  void encodesAndDecodes() throws Unusable {
    Waveform back = Wav.decode(Wav.encode(new Waveform(SOUND, 16_000)));
    assertThat(back.rate()).isEqualTo(16_000);
    assertThat(back.samples()).isEqualTo(SOUND);
  }

  @Test
  void everyEncodingGivesTheSameSound() throws Unusable {
    for (int bits : new int[] {8, 16, 24, 32}) {
      assertThat(Wav.decode(wav(1, bits, 1)).samples()).as(bits + " bits").containsExactly(SOUND, offset(0f));
    }
    assertThat(Wav.decode(wav(3, 32, 1)).samples()).isEqualTo(SOUND);
    assertThat(Wav.decode(wav(3, 64, 2)).samples()).isEqualTo(SOUND);
  }

  @Test
  void channelsAreAveraged() throws Unusable {
    byte[] stereo = wav(1, 16, 2);
    // silence the right channel
    for (int i = 0; i < SOUND.length; i++) {
      stereo[44 + 4 * i + 2] = 0;
      stereo[44 + 4 * i + 3] = 0;
    }
    assertThat(Wav.decode(stereo).samples()).containsExactly(0, 0.25f, -0.125f, 0.375f, -0.5f);
  }

  @Test
  void truncated() {
    byte[] wav = Wav.encode(new Waveform(SOUND, 16_000));
    assertReason(Arrays.copyOf(wav, wav.length - 2), RejectReason.TRUNCATED_WAV);
    assertReason(Arrays.copyOf(wav, 30), RejectReason.TRUNCATED_WAV);
    assertReason(Arrays.copyOf(wav, 40), RejectReason.TRUNCATED_WAV);
  }

  @Test
  void emptyAndForeignFiles() {
    assertReason(new byte[0], RejectReason.NOT_A_WAV);
    assertReason("fLaC and much more of it".getBytes(StandardCharsets.US_ASCII), RejectReason.NOT_A_WAV);
    assertReason(Wav.encode(new Waveform(new float[0], 16_000)), RejectReason.ZERO_SAMPLES);
    assertReason(wav(6, 8, 1), RejectReason.UNSUPPORTED_ENCODING); // A-law
  }

  @Test
  void sizesOfAStreamedFileAreNotBelieved() throws Unusable {
    byte[] wav = Wav.encode(new Waveform(SOUND, 16_000));
    ByteBuffer b = ByteBuffer.wrap(wav).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(4, -1).putInt(40, -1);
    assertThat(Wav.decode(wav).samples()).isEqualTo(SOUND);
    b.putInt(4, 0).putInt(40, 0);
    assertThat(Wav.decode(wav).samples()).isEqualTo(SOUND);
  }

  @Test
  void otherChunksAreSkipped() throws Unusable {
    byte[] wav = Wav.encode(new Waveform(SOUND, 16_000));
    ByteBuffer b = ByteBuffer.allocate(wav.length + 12).order(ByteOrder.LITTLE_ENDIAN);
    b.put(wav, 0, 36).put("LIST".getBytes(StandardCharsets.US_ASCII)).putInt(3).put(new byte[4]);
    b.put(wav, 36, wav.length - 36);
    assertThat(Wav.decode(b.array()).samples()).isEqualTo(SOUND);
  }

  private static void assertReason(byte[] file, RejectReason reason) {
    assertThatThrownBy(() -> Wav.decode(file)).isInstanceOfSatisfying(Unusable.class,
        e -> assertThat(e.reason()).isEqualTo(reason));
  }

  private static byte[] wav(int encoding, int bits, int channels) {
    int width = bits / 8;
    int bytes = SOUND.length * channels * width;
    ByteBuffer b = ByteBuffer.allocate(44 + bytes).order(ByteOrder.LITTLE_ENDIAN);
    b.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + bytes).put("WAVEfmt ".getBytes(
        StandardCharsets.US_ASCII)).putInt(16).putShort((short) encoding).putShort((short) channels).putInt(16_000)
        .putInt(16_000 * channels * width).putShort((short) (channels * width)).putShort((short) bits)
        .put("data".getBytes(StandardCharsets.US_ASCII)).putInt(bytes);
    for (float s : SOUND) {
      for (int c = 0; c < channels; c++) {
        if (encoding == 3) {
          b = bits == 32 ? b.putFloat(s) : b.putDouble(s);
        } else {
          long v = (long) (s * (double) (1L << bits - 1)) + (bits == 8 ? 128 : 0);
          for (int i = 0; i < width; i++) {
            b.put((byte) (v >> 8 * i));
          }
        }
      }
    }
    return b.array();
  }
}
