package dev.flowtraining.trainer.speaker;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.Fbank;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * {@code campplus.onnx}: input (1, frames, 80) filter banks less their mean over time, output (1, 192). One session for
 * all threads, each run on one thread: many recordings side by side are faster than one at a time on all cores.
 */
final class OnnxSpeakerEncoder implements SpeakerEncoder {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final String input;

  /** @throws StageFailure 66 {@code ModelUnreadable} */
  OnnxSpeakerEncoder(Path model) {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      session = environment.createSession(model.toString(), options);
      input = session.getInputNames().iterator().next();
    } catch (OrtException e) {
      throw new StageFailure(ExitCode.MISSING, "ModelUnreadable",
          model + " is no ONNX model that can be loaded (" + e.getMessage() + "); fetch campplus.onnx again", e);
    }
  }

  @Override
  public float[] embed(float[] samples) throws IOException {
    float[] fbank_FC = Fbank.subtractMean(Fbank.POVEY.of(samples));
    long frames = fbank_FC.length / Fbank.BINS;
    if (frames == 0) {
      throw new Unusable(RejectReason.TOO_SHORT, samples.length + " samples at 16 kHz are less than a window of 25 ms");
    }
    try (OnnxTensor tensor =
            OnnxTensor.createTensor(environment, FloatBuffer.wrap(fbank_FC), new long[] {1, frames, Fbank.BINS});
        OrtSession.Result result = session.run(Map.of(input, tensor))) {
      float[] embedding = ((float[][]) result.get(0).getValue())[0];
      if (embedding.length != SIZE) {
        throw new StageFailure(ExitCode.MISSING, "ModelUnreadable",
            "the speaker encoder gives " + embedding.length + " numbers instead of " + SIZE + "; it is not CAM++");
      }
      return embedding;
    } catch (OrtException e) {
      throw new IOException("the speaker encoder failed: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }
}
