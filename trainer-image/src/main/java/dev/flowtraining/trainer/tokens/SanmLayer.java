package dev.flowtraining.trainer.tokens;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import ai.djl.nn.convolutional.Conv1d;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;

/**
 * A pre-norm SAN-M layer: attention plus a depthwise convolution of the values (FSMN, zeros around the window) with its
 * own residual, then ReLU(x·W1)·W2. Shapes as in {@link TorchSanmEncoder}, K taps of the convolution.
 *
 * @param memory_N1K the convolution's kernel
 */
record SanmLayer(NDArray norm1Weight, NDArray norm1Bias, NDArray qkvWeight, NDArray qkvBias, NDArray memory_N1K,
    NDArray outWeight, NDArray outBias, NDArray norm2Weight, NDArray norm2Bias, NDArray ff1Weight, NDArray ff1Bias,
    NDArray ff2Weight, NDArray ff2Bias) {
  static final double EPS = 1e-12;

  int inputs() {
    return (int) norm1Weight.size();
  }

  int outputs() {
    return (int) norm2Weight.size();
  }

  /**
   * @param keys of this layer in the windows before
   * @param values of this layer in the windows before
   * @return of the input's manager
   */
  NDArray apply(NDArray x_WRN, SanmMasks masks, int heads, SanmPast keys, SanmPast values) {
    NDArray qkv = Operators.linear(Operators.layerNorm(x_WRN, norm1Weight, norm1Bias, EPS), qkvWeight, qkvBias);
    NDArray q_WRN = Operators.narrow(qkv, 2, 0, outputs());
    NDArray k_WRN = Operators.narrow(qkv, 2, outputs(), outputs());
    NDArray v_WRN = Operators.narrow(qkv, 2, 2L * outputs(), outputs());
    NDArray seen_WHRD = Operators.attention(byHead(q_WRN, heads), byHead(keys.before(k_WRN, masks.more()), heads),
        byHead(values.before(v_WRN, masks.more()), heads), masks.keys_W11S());
    NDArray attended = Operators.linear(seen_WHRD.transpose(0, 2, 1, 3).reshape(q_WRN.getShape()), outWeight, outBias);
    NDArray y = attended.addi(memory(masks.rowsOrNull_WR1() == null ? v_WRN : v_WRN.mul(masks.rowsOrNull_WR1())));
    if (inputs() == outputs()) {
      y.addi(x_WRN);
    }
    NDArray hidden = Operators.linear(Operators.layerNorm(y, norm2Weight, norm2Bias, EPS), ff1Weight, ff1Bias);
    return Operators.linear(Activation.relu(hidden), ff2Weight, ff2Bias).addi(y);
  }

  private static NDArray byHead(NDArray x_WSN, int heads) {
    Shape shape = x_WSN.getShape();
    return x_WSN.reshape(shape.get(0), shape.get(1), heads, shape.get(2) / heads).transpose(0, 2, 1, 3);
  }

  /** v + convolution of v over the rows of a window. */
  private NDArray memory(NDArray v_WRN) {
    long taps = memory_N1K.getShape().get(2);
    NDArray convolved_WNR = Conv1d.conv1d(v_WRN.transpose(0, 2, 1), memory_N1K, null, new Shape(1),
        new Shape((taps - 1) / 2), new Shape(1), outputs()).singletonOrThrow();
    return convolved_WNR.transpose(0, 2, 1).add(v_WRN);
  }
}
