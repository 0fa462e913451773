package dev.flowtraining.trainer.tokens;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.flowtraining.trainer.models.OnnxModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;

/**
 * The encoder from an ONNX file of one chunk: x (1, 5+T, in) and the caches k and v (layers, 1, heads, C, d), C from 0
 * → enc (1, 5+T, out) and the new caches, which never leave ONNX Runtime.
 */
final class OnnxSanmEncoder implements SanmEncoder {
  private final OnnxModel model;
  private final int inputs;
  private final int outputs;

  OnnxSanmEncoder(Path file, String device) {
    model = OnnxModel.open(file, device).require(3, 3, "SAN-M chunk encoder");
    long[] x = model.inputShape(0);
    long[] k = model.inputShape(1);
    if (x.length != 3 || x[2] < 2 || k.length != 5 || k[0] < 1 || k[2] < 1 || k[4] < 1) {
      model.close();
      throw model.unfit("its inputs are not x (1, rows, in) and caches (layers, 1, heads, rows, d) but " + model);
    }
    inputs = (int) x[2];
    outputs = (int) (k[2] * k[4]);
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
  public float[] encode(float[] rows) throws IOException {
    int count = rows.length / inputs;
    float[] out = new float[count * outputs];
    long[] cache = model.inputShape(1).clone();
    cache[1] = 1;
    cache[3] = 0;
    // zeros before the first row; every window is a part of this, which ONNX Runtime reads where it is
    FloatBuffer padded = ByteBuffer.allocateDirect((CARRIED * inputs + rows.length) * Float.BYTES)
        .order(ByteOrder.nativeOrder()).asFloatBuffer().put(CARRIED * inputs, rows);
    OrtSession.Result before = null;
    try (OnnxTensor empty = tensor(FloatBuffer.allocate(0), cache)) {
      for (int from = 0; from < count; from += Vq02FrontEnd.CHUNK_ROWS) {
        int rowsNow = Math.min(Vq02FrontEnd.CHUNK_ROWS, count - from);
        FloatBuffer window = padded.slice(from * inputs, (CARRIED + rowsNow) * inputs);
        OrtSession.Result now;
        try (OnnxTensor x = tensor(window, 1, CARRIED + rowsNow, inputs)) {
          now = model.run(x, before == null ? empty : (OnnxTensor) before.get(1),
              before == null ? empty : (OnnxTensor) before.get(2));
        }
        if (before != null) {
          before.close();
        }
        before = now;
        FloatBuffer enc = ((OnnxTensor) now.get(0)).getFloatBuffer();
        if (enc.remaining() != (CARRIED + rowsNow) * outputs) {
          throw model.unfit("it gives " + enc.remaining() + " numbers for " + (CARRIED + rowsNow) + " rows of "
              + outputs);
        }
        enc.get(CARRIED * outputs, out, from * outputs, rowsNow * outputs);
      }
      return out;
    } catch (OrtException e) {
      throw new IOException("the SAN-M encoder failed: " + e.getMessage(), e);
    } finally {
      if (before != null) {
        before.close();
      }
    }
  }

  private static OnnxTensor tensor(FloatBuffer values, long... shape) throws OrtException {
    return OnnxTensor.createTensor(OnnxModel.environment(), values, shape);
  }

  @Override
  public String describe() {
    long[] k = model.inputShape(1);
    return "ONNX, " + k[0] + " layers, " + k[2] + " heads, " + inputs + " → " + outputs;
  }

  @Override
  public void close() {
    model.close();
  }
}
