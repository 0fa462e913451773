package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.audio.Waveform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** One recording, its transcript and its speaker, as stage 0 accepted them. */
public record Utterance(String utt, Path wav, String text, String spk) {

  /** The audio file's bytes. */
  public byte[] audioData() throws IOException {
    try {
      return Files.readAllBytes(wav);
    } catch (NoSuchFileException e) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound", "utterance " + utt + ": " + wav
          + " was there in prepare-data and is gone; bring it back or run prepare-data again", e);
    }
  }

  /** The recording at a rate. */
  public Waveform waveform(int rate) throws IOException {
    return AudioFile.of(audioData()).decode().at(rate);
  }
}
