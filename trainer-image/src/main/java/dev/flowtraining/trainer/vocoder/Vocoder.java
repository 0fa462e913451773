package dev.flowtraining.trainer.vocoder;

/** Mel spectrogram → audio. */
public interface Vocoder {

  /**
   * @param mel_FC frames × 80 natural logarithms, as {@link dev.flowtraining.trainer.audio.Mel} gives them
   * @return frames·480 samples at 24 kHz, within ±1
   */
  float[] audio(float[] mel_FC);

  /** As people call it. */
  String name();
}
