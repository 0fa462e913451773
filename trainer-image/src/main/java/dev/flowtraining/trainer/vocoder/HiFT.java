package dev.flowtraining.trainer.vocoder;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * The released vocoder (Jiang et al., "HiFTNet", 2023; {@code HiFTGenerator} of Step-Audio-EditX and CosyVoice 2): the
 * mel gives the pitch, the pitch an excitation, and both the short-time spectrum of the audio. Shapes: C channels,
 * F frames, T frames of a stage, L samples.
 */
public final class HiFT implements Vocoder, AutoCloseable {
  private static final double SLOPE = 0.1;
  private static final float LOUDEST = 0.99f;
  private static final float LARGEST_MAGNITUDE = 100;
  private static final long SEED = 1986;

  private final NDManager manager;
  private final HiFTForm form;
  private final SineSource source;
  private final ShortTimeFourier fourier;
  private final Map<String, NDArray> arrays = new LinkedHashMap<>();
  private final HiFTWeights weights;

  /** @throws dev.flowtraining.trainer.StageFailure 66 when the file cannot be read or is another vocoder */
  public HiFT(Path file, Device device) {
    this(HiFTWeights.read(file), device);
  }

  HiFT(HiFTWeights weights, Device device) {
    this.weights = weights;
    form = HiFTForm.of(weights);
    fourier = new ShortTimeFourier(form.transform(), form.transform() / 4);
    source = new SineSource(weights.values("m_source.l_linear.weight"), weights.values("m_source.l_linear.bias")[0],
        Mel.RATE, Mel.HOP);
    manager = NDManager.newBaseManager(device, "PyTorch");
  }

  @Override
  public String name() {
    return "HiFT";
  }

  @Override
  public float[] audio(float[] mel_FC) {
    Random random = new Random(SEED);
    float[] noise_LH = new float[mel_FC.length / Mel.BINS * Mel.HOP * source.harmonics()];
    for (int i = 0; i < noise_LH.length; i++) {
      noise_LH[i] = (float) random.nextGaussian();
    }
    return audio(mel_FC, noise_LH);
  }

  /** @param noise_LH what the excitation is made of where speech is unvoiced: standard normal, samples × harmonics */
  float[] audio(float[] mel_FC, float[] noise_LH) {
    try (NDManager m = manager.newSubManager(); var _ = Backward.recording(false)) {
      NDArray mel_1CF = m.create(FloatBuffer.wrap(mel_FC), new Shape(1, mel_FC.length / Mel.BINS, Mel.BINS))
          .transpose(0, 2, 1);
      float[] excitation = source.samples(pitch_F(mel_1CF), noise_LH);
      float[] spectrum = fourier.analyse(excitation);
      NDArray excitation_1CT = m.create(FloatBuffer.wrap(spectrum),
          new Shape(1, 2L * fourier.bins(), fourier.frames(excitation.length)));
      return waveform(decode(mel_1CF, excitation_1CT).toFloatArray());
    }
  }

  /** Hz of each frame. */
  float[] pitch_F(NDArray mel_1CF) {
    NDArray x = mel_1CF;
    for (int i = 0; weights.has("f0_predictor.condnet." + i + ".weight"); i += 2) {
      x = Operators.elu(convolve("f0_predictor.condnet." + i, x, 1, 1, 1));
    }
    return Operators.linear(x.transpose(0, 2, 1), array("f0_predictor.classifier.weight"),
        array("f0_predictor.classifier.bias")).abs().toFloatArray();
  }

  private NDArray decode(NDArray mel_1CF, NDArray excitation_1CT) {
    NDArray x = same("conv_pre", mel_1CF, 1);
    for (int i = 0; i < form.rates().length; i++) {
      x = stage(i, x, excitation_1CT);
    }
    return same("conv_post", Operators.leakyRelu(x, 0.01), 1);
  }

  /** What it computes on the way is let go when it is done. */
  private NDArray stage(int i, NDArray x_1CT, NDArray excitation_1CT) {
    NDManager outer = x_1CT.getManager();
    try (NDManager m = outer.newSubManager()) {
      NDArray x = stretch(i, Operators.leakyRelu(Tensors.alias(m, x_1CT), SLOPE));
      if (i == form.rates().length - 1) { // as many frames as the excitation has: one is reflected
        x = NDArrays.concat(new NDList(Operators.narrow(x, 2, 1, 1), x), 2);
      }
      NDArray excitation = Tensors.alias(m, excitation_1CT);
      int kernel = (int) array("source_downs." + i + ".weight").getShape().get(2);
      int step = kernel == 1 ? 1 : kernel / 2;
      NDArray down = convolve("source_downs." + i, excitation, step, kernel == 1 ? 0 : step / 2, 1);
      x = x.add(residual("source_resblocks." + i, down));
      NDArray sum = null;
      for (int j = 0; j < form.resBlocks(); j++) {
        NDArray block = residual("resblocks." + (i * form.resBlocks() + j), x);
        sum = sum == null ? block : sum.addi(block);
      }
      NDArray y = sum.divi(Operators.number(form.resBlocks()));
      y.attach(outer);
      return y;
    }
  }

  /** A transposed convolution, as a convolution of the frames with zeros between them and the kernel turned round. */
  private NDArray stretch(int i, NDArray x_1CT) {
    int rate = form.rates()[i];
    int kernel = form.kernels()[i];
    long channels = x_1CT.getShape().get(1);
    long frames = x_1CT.getShape().get(2);
    NDArray spread = Operators.pad(x_1CT.reshape(1, channels, frames, 1), 3, 0, rate - 1)
        .reshape(1, channels, frames * rate);
    NDArray gaps = Operators.narrow(spread, 2, 0, (frames - 1) * rate + 1);
    NDArray turned = arrays.computeIfAbsent("ups." + i + ".turned", n -> turned("ups." + i + ".weight"));
    return Operators.convolution(gaps, turned, array("ups." + i + ".bias"), 1, kernel - 1 - (kernel - rate) / 2, 1);
  }

  /** (in, out, K) → (out, in, K), the last axis backwards. */
  private NDArray turned(String name) {
    float[] w = weights.values(name);
    int in = (int) weights.shape(name)[0];
    int out = (int) weights.shape(name)[1];
    int kernel = (int) weights.shape(name)[2];
    float[] turned = new float[w.length];
    for (int c = 0; c < in; c++) {
      for (int o = 0; o < out; o++) {
        for (int k = 0; k < kernel; k++) {
          turned[(o * in + c) * kernel + kernel - 1 - k] = w[(c * out + o) * kernel + k];
        }
      }
    }
    return manager.create(FloatBuffer.wrap(turned), new Shape(out, in, kernel));
  }

  /** Pairs of convolutions, dilated by 1, 3, 5 … and not, each after a snake. */
  private NDArray residual(String block, NDArray x_1CT) {
    NDManager outer = x_1CT.getManager();
    NDArray x = x_1CT;
    for (int i = 0; weights.has(block + ".convs1." + i + ".weight"); i++) {
      try (NDManager m = outer.newSubManager()) {
        NDArray bent = snake(block + ".activations1." + i, Tensors.alias(m, x));
        NDArray inner = same(block + ".convs1." + i, bent, 1 + 2 * i);
        NDArray y = same(block + ".convs2." + i, snake(block + ".activations2." + i, inner), 1).addi(x);
        y.attach(outer);
        x = y;
      }
    }
    return x;
  }

  /** x + sin²(αx)/α (Liu, Hartwig and Ueda 2020). */
  private NDArray snake(String activation, NDArray x_1CT) {
    NDArray alpha = arrays.computeIfAbsent(activation, n -> channels(weights.values(n + ".alpha")));
    NDArray inverse = arrays.computeIfAbsent(activation + " inverse", n -> {
      float[] values = weights.values(activation + ".alpha");
      for (int c = 0; c < values.length; c++) {
        values[c] = 1 / (values[c] + 1e-9f);
      }
      return channels(values);
    });
    return x_1CT.mul(alpha).sin().square().muli(inverse).addi(x_1CT);
  }

  private NDArray channels(float[] values) {
    return manager.create(FloatBuffer.wrap(values), new Shape(1, values.length, 1));
  }

  /** As many frames as before. */
  private NDArray same(String name, NDArray x, int dilation) {
    int kernel = (int) array(name + ".weight").getShape().get(2);
    return convolve(name, x, 1, dilation * (kernel - 1) / 2, dilation);
  }

  private NDArray convolve(String name, NDArray x, int stride, int padding, int dilation) {
    return Operators.convolution(x, array(name + ".weight"), array(name + ".bias"), stride, padding, dilation);
  }

  private NDArray array(String name) {
    return arrays.computeIfAbsent(name, n -> weights.array(manager, n));
  }

  /** @param out_CT (transform + 2, T): logarithms of magnitudes, then what is taken for phases */
  private float[] waveform(float[] out_CT) {
    float[] magnitude = new float[out_CT.length / 2];
    float[] phase = new float[out_CT.length / 2];
    for (int i = 0; i < magnitude.length; i++) {
      magnitude[i] = Math.min((float) Math.exp(out_CT[i]), LARGEST_MAGNITUDE);
      phase[i] = (float) Math.sin(out_CT[magnitude.length + i]);
    }
    float[] audio = fourier.synthesise(magnitude, phase);
    for (int i = 0; i < audio.length; i++) {
      audio[i] = Math.clamp(audio[i], -LOUDEST, LOUDEST);
    }
    return audio;
  }

  @Override
  public void close() {
    manager.close();
  }
}
