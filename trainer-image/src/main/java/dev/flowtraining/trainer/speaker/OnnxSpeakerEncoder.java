package dev.flowtraining.trainer.speaker;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.flowtraining.trainer.audio.Fbank;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.models.OnnxModel;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;

/**
 * {@code campplus.onnx}: input (1, frames, 80) filter banks less their mean over time, output (1, 192). One recording a
 * run: its statistics pooling would see the padding of a batch, and recordings of equal length are rare.
 */
public final class OnnxSpeakerEncoder implements SpeakerEncoder {
  private final OnnxModel model;

  /**
   * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto}
   * @throws dev.flowtraining.trainer.StageFailure 66 {@code ModelNotFound}, {@code ModelUnreadable}
   */
  public OnnxSpeakerEncoder(Path file, String device) {
    model = OnnxModel.open(file, device).require(1, 1, "speaker encoder");
    long[] fbank = model.inputShape(0);
    if (fbank.length != 3 || fbank[2] != Fbank.BINS && fbank[2] != -1) {
      model.close();
      throw model.unfit("its input is not (1, frames, " + Fbank.BINS + ") but " + model + "; it is not CAM++");
    }
  }

  @Override
  public float[] embed(float[] samples) throws IOException {
    float[] fbank_FC = Fbank.subtractMean(Fbank.POVEY.of(samples));
    long frames = fbank_FC.length / Fbank.BINS;
    if (frames == 0) {
      throw new Unusable(RejectReason.TOO_SHORT, samples.length + " samples at 16 kHz are less than a window of 25 ms");
    }
    try (OnnxTensor fbank = OnnxTensor.createTensor(OnnxModel.environment(), FloatBuffer.wrap(fbank_FC),
            new long[] {1, frames, Fbank.BINS});
        OrtSession.Result result = model.run(fbank)) {
      float[] embedding = new float[SIZE];
      FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
      if (values.remaining() != SIZE) {
        throw model.unfit("it gives " + values.remaining() + " numbers instead of " + SIZE + "; it is not CAM++");
      }
      values.get(embedding);
      return embedding;
    } catch (OrtException e) {
      throw new IOException("the speaker encoder failed: " + e.getMessage(), e);
    }
  }

  /** Inputs and outputs. */
  public String describe() {
    return model.toString();
  }

  @Override
  public void close() {
    model.close();
  }
}
