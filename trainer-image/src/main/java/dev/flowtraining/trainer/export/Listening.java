package dev.flowtraining.trainer.export;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.page.Page;
import dev.flowtraining.trainer.synthesize.MelPicture;
import dev.flowtraining.trainer.synthesize.Speech;
import dev.flowtraining.trainer.vocoder.Vocoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What can be seen and heard of the model in the report. */
final class Listening {
  /** The mel ends at 8 kHz, so nothing is lost, and the page stays small. */
  private static final int RATE = 2 * Mel.HIGHEST;
  private static final int PICTURES = 6;

  private final String vocoder;
  /** By utterance: the real and the predicted audio, 24 kHz. */
  private final Map<Speech, float[][]> audio = new LinkedHashMap<>();

  Listening(Vocoder vocoder, List<Speech> samples) {
    this.vocoder = vocoder.name();
    samples.forEach(s -> audio.put(s, new float[][] {vocoder.audio(s.real_FC()), vocoder.audio(s.predicted_FC())}));
  }

  /** WAV of 24 kHz, for a file of its own. */
  byte[] real(Speech speech) {
    return Wav.encode(new Waveform(audio.get(speech)[0], Mel.RATE));
  }

  byte[] predicted(Speech speech) {
    return Wav.encode(new Waveform(audio.get(speech)[1], Mel.RATE));
  }

  void write(Page page, List<Speech> samples) {
    if (samples.isEmpty()) {
      return;
    }
    page.heading("Held-out speech").raw("<p class=\"muted\">Above each time the real mel spectrogram, below the one"
        + " that the model makes from tokens and speaker. Both can be heard, made by ").text(vocoder)
        .raw(".</p>\n<div class=\"pair\">\n");
    for (Speech s : samples) {
      page.raw("<figure>" + MelPicture.svg(s) + "<div class=\"listen\">");
      player(page, "real", audio.get(s)[0]);
      player(page, "predicted", audio.get(s)[1]);
      page.raw("</div><figcaption>").text(s.utt() + ", %.1f s, mel L1 %.2f".formatted(s.seconds(), s.l1()))
          .raw("</figcaption></figure>\n");
    }
    page.raw("</div>\n");
  }

  private static void player(Page page, String name, float[] samples) {
    byte[] wav = Wav.encode(new Waveform(samples, Mel.RATE).at(RATE));
    page.raw("<span>" + name + "</span><audio controls preload=\"none\" src=\"data:audio/wav;base64,")
        .raw(Base64.getEncoder().encodeToString(wav)).raw("\"></audio>");
  }

  /** The first utterance of the probes at some steps from the first to the last. */
  void steps(Page page, RunLayout layout) throws IOException {
    List<Path> pictures = pictures(layout.probes());
    if (pictures.size() < 2) {
      return;
    }
    page.heading("How it came to be").raw("<p class=\"muted\">One held-out utterance as the model made it at"
        + " these steps.</p>\n<div class=\"steps\">\n");
    for (int i = 0; i < Math.min(PICTURES, pictures.size()); i++) {
      Path picture = pictures.get(i * (pictures.size() - 1) / (Math.min(PICTURES, pictures.size()) - 1));
      page.raw("<figure><img alt=\"\" src=\"data:image/png;base64,")
          .raw(Base64.getEncoder().encodeToString(Files.readAllBytes(picture))).raw("\"><figcaption>step ")
          .text("%,d".formatted(Long.parseLong(picture.getParent().getFileName().toString().replaceAll("\\D", ""))))
          .raw("</figcaption></figure>\n");
    }
    page.raw("</div>\n");
  }

  /** Of the first utterance, by step. */
  private static List<Path> pictures(Path probes) throws IOException {
    if (!Files.isDirectory(probes)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(probes, 2)) {
      return files.filter(f -> f.getFileName().toString().matches("1_.*\\.png")).sorted().toList();
    }
  }
}
