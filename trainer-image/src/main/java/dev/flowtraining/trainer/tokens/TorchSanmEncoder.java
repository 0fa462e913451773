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
 * layer, so a layer needs no other window's later layers: each layer runs over many windows at once, and weights are
 * read from memory once a minute of sound instead of once a chunk.
 *
 * <p>Shapes: W windows, R rows of a window (5 carried, 4 new), S keys that a window sees, H heads, D numbers of a head,
 * N numbers of a row.
 */
final class TorchSanmEncoder implements SanmEncoder {
  /** A minute: more at once gains nothing and takes memory. */
  private static final int AT_ONCE = 250;
  private static final int ROWS = CARRIED + Vq02FrontEnd.CHUNK_ROWS;

  private final NDManager manager;
  private final List<SanmLayer> layers = new ArrayList<>();
  private final NDArray normWeight;
  private final NDArray normBias;
  private final int heads;
  private final int inputs;
  private final int outputs;
  private final String device;
  private final int atOnce;

  /**
   * @param heads attention heads: the only size that the tensors do not tell
   * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto}
   */
  TorchSanmEncoder(Path file, int heads, String device) {
    this(file, heads, device, AT_ONCE);
  }

  TorchSanmEncoder(Path file, int heads, String device, int atOnce) {
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
    this.atOnce = atOnce;
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
    float[] out = new float[windows * Vq02FrontEnd.CHUNK_ROWS * outputs];
    try (NDManager utterance = manager.newSubManager()) {
      List<SanmPast> keys = layers.stream().map(l -> new SanmPast(utterance)).toList();
      List<SanmPast> values = layers.stream().map(l -> new SanmPast(utterance)).toList();
      for (int from = 0; from < windows; from += atOnce) {
        int now = Math.min(atOnce, windows - from);
        try (NDManager block = utterance.newSubManager()) {
          SanmMasks masks = SanmMasks.of(block, from, now, count);
          NDArray x_WRN = block.create(FloatBuffer.wrap(windows(rows, from, now)), new Shape(now, ROWS, inputs));
          for (int l = 0; l < layers.size(); l++) {
            try (NDManager scratch = block.newSubManager()) {
              x_WRN.attach(scratch);
              x_WRN = layers.get(l).apply(x_WRN, masks, heads, keys.get(l), values.get(l));
              x_WRN.attach(block);
            }
          }
          NDArray new_WTN = Operators.narrow(x_WRN, 1, CARRIED, Vq02FrontEnd.CHUNK_ROWS);
          float[] done = Operators.layerNorm(new_WTN, normWeight, normBias, SanmLayer.EPS).toFloatArray();
          System.arraycopy(done, 0, out, from * Vq02FrontEnd.CHUNK_ROWS * outputs, done.length);
        }
      }
    }
    return Arrays.copyOf(out, count * outputs);
  }

  /** Rows of some windows, side by side; zeros before the utterance and after it. */
  private float[] windows(float[] rows, int from, int count) {
    float[] out = new float[count * ROWS * inputs];
    for (int w = 0; w < count; w++) {
      int first = (from + w) * Vq02FrontEnd.CHUNK_ROWS - CARRIED;
      int begin = Math.max(0, first);
      int end = Math.min(rows.length / inputs, first + ROWS);
      System.arraycopy(rows, begin * inputs, out, (w * ROWS + begin - first) * inputs, (end - begin) * inputs);
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
