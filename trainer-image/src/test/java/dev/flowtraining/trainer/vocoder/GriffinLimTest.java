package dev.flowtraining.trainer.vocoder;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.AudioFile;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class GriffinLimTest {

  @Test
  void theAudioHasTheMelThatItWasMadeFrom() throws IOException {
    float[] samples = AudioFile.of(Files.readAllBytes(Fixtures.file("audio/clip.wav"))).decode().at(Mel.RATE).samples();
    float[] mel = Mel.of(Arrays.copyOf(samples, samples.length / Mel.HOP * Mel.HOP));
    float[] audio = new GriffinLim().audio(mel);
    assertThat(audio).hasSize(mel.length / Mel.BINS * Mel.HOP);
    float[] again = Mel.of(audio);
    double difference = 0;
    double level = 0;
    double spread = 0;
    for (float v : mel) {
      level += v / mel.length;
    }
    for (int i = 0; i < mel.length; i++) {
      difference += Math.abs(again[i] - mel[i]) / mel.length;
      spread += Math.abs(mel[i] - level) / mel.length;
    }
    System.out.printf("mel difference after Griffin-Lim: %.3f (spread of the mel %.3f)%n", difference, spread);
    assertThat(difference).isLessThan(0.4 * spread);
  }
}
