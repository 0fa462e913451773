package dev.flowtraining.trainer.tokens;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.flowtraining.trainer.audio.WhisperMel;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.models.OnnxModel;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The semantic codes at 25 Hz: {@code speech_tokenizer_v1.onnx} on pieces of 30 s. Its batch axis is fixed at 1, so
 * recordings run side by side on threads and not in batches.
 */
public final class Vq06 implements AutoCloseable {
  private static final int PIECE = 30 * WhisperMel.RATE;
  private static final int LEAST = 480;
  private static final double PER_SECOND = 25;
  /** As far as upstream lets the number of codes be from 25 a second. */
  private static final int SLACK = 2;

  private final OnnxModel model;

  private Vq06(OnnxModel model) {
    this.model = model;
  }

  /** @throws dev.flowtraining.trainer.StageFailure 66 {@code ModelNotFound}, {@code ModelUnreadable} */
  public static Vq06 open(Path file, String device) {
    OnnxModel model = OnnxModel.open(file, device).require(2, 1, "speech tokenizer");
    long[] mel = model.inputShape(0);
    if (mel.length != 3 || mel[1] != WhisperMel.BINS && mel[1] != -1) {
      model.close();
      throw model.unfit("its first input is not a log-mel (1, " + WhisperMel.BINS + ", frames) but " + model);
    }
    return new Vq06(model);
  }

  /**
   * @param samples at 16 kHz, after energy normalisation; a last piece of less than 30 ms gives no code
   * @throws Unusable when the model gives another number of codes than 25 a second
   */
  public int[] codes(float[] samples) throws IOException {
    int[] all = new int[0];
    for (int from = 0; samples.length - from >= LEAST; from += PIECE) {
      int[] codes = piece(Arrays.copyOfRange(samples, from, Math.min(samples.length, from + PIECE)));
      int before = all.length;
      all = Arrays.copyOf(all, before + codes.length);
      System.arraycopy(codes, 0, all, before, codes.length);
    }
    return all;
  }

  private int[] piece(float[] samples) throws IOException {
    float[] mel_FC = WhisperMel.of(samples);
    int frames = mel_FC.length / WhisperMel.BINS;
    float[] mel_CF = new float[mel_FC.length];
    for (int f = 0; f < frames; f++) {
      for (int c = 0; c < WhisperMel.BINS; c++) {
        mel_CF[c * frames + f] = mel_FC[f * WhisperMel.BINS + c];
      }
    }
    int[] codes;
    try (OnnxTensor mel = OnnxTensor.createTensor(OnnxModel.environment(), FloatBuffer.wrap(mel_CF),
            new long[] {1, WhisperMel.BINS, frames});
        OnnxTensor length = OnnxTensor.createTensor(OnnxModel.environment(), IntBuffer.wrap(new int[] {frames}),
            new long[] {1});
        OrtSession.Result result = model.run(mel, length)) {
      codes = integers((OnnxTensor) result.get(0));
    } catch (OrtException e) {
      throw new IOException("vq06 failed: " + e.getMessage(), e);
    }
    double wanted = PER_SECOND * samples.length / WhisperMel.RATE;
    if (Math.abs(codes.length - wanted) > SLACK) {
      throw new Unusable(RejectReason.BAD_TOKENS, "vq06 gave %d codes for %.2f s instead of about %.0f"
          .formatted(codes.length, samples.length / (double) WhisperMel.RATE, wanted));
    }
    return codes;
  }

  private int[] integers(OnnxTensor tensor) {
    int[] codes;
    if (tensor.getInfo().type == OnnxJavaType.INT64) {
      LongBuffer values = tensor.getLongBuffer();
      codes = new int[values.remaining()];
      Arrays.setAll(codes, i -> Math.clamp(values.get(i), -1, Integer.MAX_VALUE));
    } else if (tensor.getInfo().type == OnnxJavaType.INT32) {
      codes = new int[tensor.getIntBuffer().remaining()];
      tensor.getIntBuffer().get(codes);
    } else {
      throw model.unfit("its output is of type " + tensor.getInfo().type + ", not of integers");
    }
    for (int code : codes) {
      if (code < 0 || code >= DualCodebook.VQ06_CODES) {
        throw model.unfit("it gives code " + code + ", which is outside 0.." + (DualCodebook.VQ06_CODES - 1));
      }
    }
    return codes;
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
