package dev.flowtraining.trainer.tokens;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.models.OnnxModel;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The encoder from FunASR's {@code model.pt}. What a window sees of the windows before is keys and values of its own
 * layer, so a layer needs no other window's later layers: each layer runs over all windows of the utterance at once,
 * and weights are read from memory once per utterance instead of once per chunk.
 *
 * <p>Shapes: W windows, R rows of a window (5 carried, 4 new), S keys that a window sees, H heads, D numbers of a head,
 * N numbers of a row.
 */
final class TorchSanmEncoder implements SanmEncoder {
  private static final int ROWS = CARRIED + Vq02FrontEnd.CHUNK_ROWS;

  private final NDManager manager;
  private final List<SanmLayer> layers = new ArrayList<>();
  private final NDArray normWeight;
  private final NDArray normBias;
  private final int heads;
  private final int inputs;
  private final int outputs;
  private final String device;

  /**
   * @param heads attention heads: the only size that the tensors do not tell
   * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto}
   */
  TorchSanmEncoder(Path file, int heads, String device) {
    StateDict state = StateDictFile.read(file);
    Device place = Torch.start(device, 1); // recordings run side by side, one a thread
    manager = NDManager.newBaseManager(place, "PyTorch");
    try {
      SanmWeights weights = new SanmWeights(state, file, manager);
      layers.add(weights.layer("encoders0.0"));
      for (int i = 0; weights.has("encoders." + i + ".norm1.weight"); i++) {
        layers.add(weights.layer("encoders." + i));
      }
      inputs = layers.getFirst().inputs();
      outputs = layers.getFirst().outputs();
      normWeight = weights.get("after_norm.weight", outputs);
      normBias = weights.get("after_norm.bias", outputs);
      if (outputs % heads != 0) {
        throw OnnxModel.unreadable(file, heads + " attention heads do not divide its width of " + outputs, null);
      }
    } catch (RuntimeException e) {
      manager.close();
      throw e;
    }
    this.heads = heads;
    this.device = place.isGpu() ? "cuda:" + place.getDeviceId() : "cpu";
  }

  @Override
  public int inputs() {
    return inputs;
  }

  @Override
  public int outputs() {
    return outputs;
  }

  @Override
  public float[] encode(float[] rows) {
    int count = rows.length / inputs;
    if (count == 0) {
      return new float[0];
    }
    int windows = Math.ceilDiv(count, Vq02FrontEnd.CHUNK_ROWS);
    try (NDManager utterance = manager.newSubManager()) {
      SanmMasks masks = SanmMasks.of(utterance, windows, count);
      NDArray x_WRN = utterance.create(FloatBuffer.wrap(windows(rows, windows)), new Shape(windows, ROWS, inputs));
      for (SanmLayer layer : layers) {
        try (NDManager scratch = utterance.newSubManager()) {
          x_WRN.attach(scratch);
          x_WRN = layer.apply(x_WRN, masks, heads);
          x_WRN.attach(utterance);
        }
      }
      NDArray new_WTN = Operators.narrow(x_WRN, 1, CARRIED, Vq02FrontEnd.CHUNK_ROWS);
      float[] all = Operators.layerNorm(new_WTN, normWeight, normBias, SanmLayer.EPS).toFloatArray();
      return Arrays.copyOf(all, count * outputs);
    }
  }

  /** Each window's rows side by side; zeros before the first and after the last. */
  private float[] windows(float[] rows, int windows) {
    float[] out = new float[windows * ROWS * inputs];
    for (int w = 0; w < windows; w++) {
      int first = w * Vq02FrontEnd.CHUNK_ROWS - CARRIED;
      int from = Math.max(0, first);
      int to = Math.min(rows.length / inputs, first + ROWS);
      System.arraycopy(rows, from * inputs, out, (w * ROWS + from - first) * inputs, (to - from) * inputs);
    }
    return out;
  }

  @Override
  public String describe() {
    return "torch on " + device + ", " + layers.size() + " layers, " + heads + " heads, " + inputs + " → " + outputs;
  }

  @Override
  public void close() {
    manager.close();
  }
}
