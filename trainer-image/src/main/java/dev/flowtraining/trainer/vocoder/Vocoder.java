package dev.flowtraining.trainer.vocoder;

import ai.djl.Device;
import java.nio.file.Path;

/** Mel spectrogram → audio. */
public interface Vocoder {

  /**
   * @param mel_FC frames × 80 natural logarithms, as {@link dev.flowtraining.trainer.audio.Mel} gives them
   * @return frames·480 samples at 24 kHz, within ±1
   */
  float[] audio(float[] mel_FC);

  /** As people call it. */
  String name();

  /** As a command's option or a setting names it: {@code builtin} or a file. Else as {@link #of(Path, Device)}. */
  static Vocoder named(String builtinOrFile, Device device) {
    return of(builtinOrFile.equals("builtin") ? null : Path.of(builtinOrFile), device);
  }

  /**
   * @param hift the released vocoder's {@code hift.pt}, or null when it is not at hand
   * @throws dev.flowtraining.trainer.StageFailure 66 when the file cannot be read or is another vocoder
   */
  static Vocoder of(Path hift, Device device) {
    return hift == null ? new GriffinLim() : new HiFT(hift, device);
  }
}
