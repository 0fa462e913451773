package dev.flowtraining.trainer.audio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.data.Unusable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What {@link AudioFileTest} does not reach: our own writer and unusual layouts. */
class WavTest {
  private static final float[] SOUND = {0, 0.5f, -0.25f, 0.75f, -1};

  @Test
  void encodesAndDecodes() throws Unusable {
    Waveform back = Wav.decode(Wav.encode(new Waveform(SOUND, 16_000)));
    assertThat(back.rate()).isEqualTo(16_000);
    assertThat(back.samples()).isEqualTo(SOUND);
  }

  @Test
  void encodingClips() throws Unusable {
    assertThat(Wav.decode(Wav.encode(new Waveform(new float[] {1.5f, -1.5f}, 8000))).samples())
        .containsExactly(32767 / 32768f, -1);
  }

  @Test
  void otherChunksAreSkipped() throws Unusable {
    byte[] wav = Wav.encode(new Waveform(SOUND, 16_000));
    ByteBuffer b = ByteBuffer.allocate(wav.length + 12 + 8).order(ByteOrder.LITTLE_ENDIAN);
    b.put(wav, 0, 36).put("LIST".getBytes(StandardCharsets.US_ASCII)).putInt(3).put(new byte[4]);
    b.put(wav, 36, wav.length - 36).put("id3 ".getBytes(StandardCharsets.US_ASCII));
    assertThat(Wav.decode(b.array()).samples()).isEqualTo(SOUND);
  }

  @Test
  void severalChannelsAreAveraged() throws Unusable {
    byte[] wav = Wav.encode(new Waveform(new float[] {0.5f, 0, 0.25f, -0.25f, -0.5f, -0.75f}, 16_000));
    ByteBuffer.wrap(wav).order(ByteOrder.LITTLE_ENDIAN).putShort(22, (short) 3).putShort(32, (short) 6);
    assertThat(Wav.decode(wav).samples()).containsExactly(0.25f, -0.5f);
  }
}
