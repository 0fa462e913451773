package dev.flowtraining.trainer.vocoder;

/**
 * HiFT's excitation: sines of the fundamental and its harmonics where speech is voiced, noise elsewhere, mixed by a
 * linear layer and a tanh (the harmonic-plus-noise source of neural source-filter models, as {@code SineGen2} of
 * CosyVoice 2 has it). In single precision, in the original's order and with its fused multiplications: where a phase is
 * thousands of radians, another rounding would be another signal.
 *
 * @param weight of each harmonic in the mix
 * @param upsampling samples per frame
 */
record SineSource(float[] weight, float bias, int rate, int upsampling) {
  private static final float AMPLITUDE = 0.1f;
  private static final float VOICED_NOISE = 0.003f;
  private static final float VOICED_ABOVE = 10; // Hz

  int harmonics() {
    return weight.length;
  }

  /**
   * @param f0_F Hz of each frame
   * @param noise_LH standard normal numbers, one for each sample and harmonic
   * @return F·{@code upsampling} samples
   */
  float[] samples(float[] f0_F, float[] noise_LH) {
    int length = f0_F.length * upsampling;
    float[][] phase_HF = new float[harmonics()][];
    for (int h = 0; h < harmonics(); h++) {
      phase_HF[h] = phase(f0_F, h + 1);
    }
    float[] out = new float[length];
    float scale = 1f / upsampling;
    for (int l = 0; l < length; l++) {
      boolean voiced = f0_F[l / upsampling] > VOICED_ABOVE;
      float noise = voiced ? VOICED_NOISE : AMPLITUDE / 3;
      // between the middles of two frames, as interpolation without aligned corners places them
      float at = Math.max(0, Math.fma(scale, l + 0.5f, -0.5f));
      int from = Math.min((int) at, f0_F.length - 1);
      int to = Math.min(from + 1, f0_F.length - 1);
      float part = Math.min(at - from, 1);
      double mix = bias;
      for (int h = 0; h < harmonics(); h++) {
        float phase = Math.fma(1 - part, phase_HF[h][from], part * phase_HF[h][to]);
        float sine = voiced ? AMPLITUDE * (float) Math.sin(phase) : 0;
        mix += weight[h] * (sine + noise * noise_LH[l * harmonics() + h]);
      }
      out[l] = (float) Math.tanh(mix);
    }
    return out;
  }

  /** Radians at the end of each frame. */
  private float[] phase(float[] f0_F, int harmonic) {
    float[] phase = new float[f0_F.length];
    double turns = 0;
    for (int f = 0; f < phase.length; f++) {
      turns += f0_F[f] * harmonic / rate % 1;
      phase[f] = (float) turns * 2 * (float) Math.PI * upsampling;
    }
    return phase;
  }
}
