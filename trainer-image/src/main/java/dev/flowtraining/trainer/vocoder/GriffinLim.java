package dev.flowtraining.trainer.vocoder;

import dev.flowtraining.trainer.audio.Mel;
import java.util.Random;

/**
 * Mel spectrogram → audio without a vocoder, to listen to what a model has learned. Magnitudes between the mel filters'
 * centres are interpolated; phases are found by Griffin and Lim's iteration with momentum (Perraudin et al. 2013). Rough
 * by nature: the released HiFT vocoder sounds far better.
 */
public final class GriffinLim implements Vocoder {
  private static final int N = 2048;
  private static final int WINDOW = 1920;
  private static final int ITERATIONS = 16;
  private static final double MOMENTUM = 0.99;
  /** A Slaney filter has area 1 per Hz, so over bins of 24000/1920 Hz its weights sum to 1920/24000. */
  private static final double FILTER_SUM = 1920.0 / Mel.RATE;

  private final double[] window = new double[N];
  private final double[] cos = new double[N / 2];
  private final double[] sin = new double[N / 2];

  public GriffinLim() {
    for (int i = 0; i < WINDOW; i++) {
      window[(N - WINDOW) / 2 + i] = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / WINDOW);
    }
    for (int k = 0; k < N / 2; k++) {
      cos[k] = Math.cos(2 * Math.PI * k / N);
      sin[k] = -Math.sin(2 * Math.PI * k / N);
    }
  }

  @Override
  public String name() {
    return "Griffin-Lim";
  }

  @Override
  public float[] audio(float[] mel_FC) {
    int frames = mel_FC.length / Mel.BINS;
    double[][] magnitude = magnitudes(mel_FC, frames);
    double[][] re = new double[frames][N];
    double[][] im = new double[frames][N];
    double[][] lastRe = new double[frames][N / 2 + 1];
    double[][] lastIm = new double[frames][N / 2 + 1];
    Random random = new Random(0);
    for (int f = 0; f < frames; f++) {
      for (int k = 0; k <= N / 2; k++) {
        double phase = 2 * Math.PI * random.nextDouble();
        re[f][k] = magnitude[f][k] * Math.cos(phase);
        im[f][k] = magnitude[f][k] * Math.sin(phase);
      }
    }
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
      double[] signal = synthesise(re, im, frames);
      for (int f = 0; f < frames; f++) {
        analyse(signal, f, re[f], im[f]);
        for (int k = 0; k <= N / 2; k++) {
          double r = re[f][k] + MOMENTUM * (re[f][k] - lastRe[f][k]);
          double i = im[f][k] + MOMENTUM * (im[f][k] - lastIm[f][k]);
          lastRe[f][k] = re[f][k];
          lastIm[f][k] = im[f][k];
          double scale = magnitude[f][k] / Math.max(Math.hypot(r, i), 1e-12);
          re[f][k] = r * scale;
          im[f][k] = i * scale;
        }
      }
    }
    return trimmed(synthesise(re, im, frames), frames);
  }

  private static float[] trimmed(double[] signal, int frames) {
    float[] audio = new float[frames * Mel.HOP];
    int lead = (N - Mel.HOP) / 2;
    double peak = 0.99;
    for (int i = 0; i < audio.length; i++) {
      peak = Math.max(peak, Math.abs(signal[lead + i]));
    }
    for (int i = 0; i < audio.length; i++) {
      audio[i] = (float) (signal[lead + i] * 0.99 / peak);
    }
    return audio;
  }

  /** Log magnitudes of the N/2+1 bins, linear in mel between the centres of the filters; nothing above 8 kHz. */
  private static double[][] magnitudes(float[] mel_FC, int frames) {
    double[][] magnitude = new double[frames][N / 2 + 1];
    for (int k = 1; k <= N / 2; k++) {
      double hz = (double) k * Mel.RATE / N;
      if (hz >= Mel.HIGHEST) {
        break;
      }
      double at = Mel.binAt(hz);
      int m = Math.clamp((long) Math.floor(at), 0, Mel.BINS - 2);
      double part = Math.clamp(at - m, 0, 1);
      for (int f = 0; f < frames; f++) {
        double log = (1 - part) * mel_FC[f * Mel.BINS + m] + part * mel_FC[f * Mel.BINS + m + 1];
        magnitude[f][k] = Math.exp(log) / FILTER_SUM;
      }
    }
    return magnitude;
  }

  /** Weighted overlap-add; frame f begins at f·hop. */
  private double[] synthesise(double[][] re, double[][] im, int frames) {
    double[] signal = new double[(frames - 1) * Mel.HOP + N];
    double[] weight = new double[signal.length];
    for (int f = 0; f < frames; f++) {
      double[] r = re[f].clone();
      double[] i = new double[N];
      for (int k = 1; k < N / 2; k++) {
        i[k] = -im[f][k]; // the conjugate, so that the forward transform inverts
        r[N - k] = r[k];
        i[N - k] = -i[k];
      }
      transform(r, i);
      for (int n = 0; n < N; n++) {
        signal[f * Mel.HOP + n] += r[n] / N * window[n];
        weight[f * Mel.HOP + n] += window[n] * window[n];
      }
    }
    for (int n = 0; n < signal.length; n++) {
      signal[n] /= Math.max(weight[n], 1e-3);
    }
    return signal;
  }

  private void analyse(double[] signal, int f, double[] re, double[] im) {
    for (int n = 0; n < N; n++) {
      re[n] = signal[f * Mel.HOP + n] * window[n];
      im[n] = 0;
    }
    transform(re, im);
  }

  /** Fourier transform in place, radix 2. */
  private void transform(double[] re, double[] im) {
    for (int i = 1, j = 0; i < N; i++) {
      int bit = N >> 1;
      for (; (j & bit) != 0; bit >>= 1) {
        j ^= bit;
      }
      j ^= bit;
      if (i < j) {
        double t = re[i];
        re[i] = re[j];
        re[j] = t;
        t = im[i];
        im[i] = im[j];
        im[j] = t;
      }
    }
    for (int size = 2; size <= N; size *= 2) {
      int half = size / 2;
      for (int start = 0; start < N; start += size) {
        for (int k = 0; k < half; k++) {
          double wr = cos[k * (N / size)];
          double wi = sin[k * (N / size)];
          int a = start + k;
          int b = a + half;
          double tr = re[b] * wr - im[b] * wi;
          double ti = re[b] * wi + im[b] * wr;
          re[b] = re[a] - tr;
          im[b] = im[a] - ti;
          re[a] += tr;
          im[a] += ti;
        }
      }
    }
  }
}
