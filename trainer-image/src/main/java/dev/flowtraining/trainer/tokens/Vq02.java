package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.models.Npy;
import dev.flowtraining.trainer.models.OnnxModel;
import dev.flowtraining.trainer.models.TokenizerFolder;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** The linguistic codes at 16.67 Hz: the nearest centroid of each output row of FunASR's streaming encoder. */
public final class Vq02 implements AutoCloseable {
  private final Vq02FrontEnd frontEnd;
  private final SanmEncoder encoder;
  private final SanmPositions positions;
  private final NearestCentroid centroids;
  private final int codes;

  private Vq02(Vq02FrontEnd frontEnd, SanmEncoder encoder, NearestCentroid centroids, int codes) {
    this.frontEnd = frontEnd;
    this.encoder = encoder;
    this.positions = new SanmPositions(encoder.inputs());
    this.centroids = centroids;
    this.codes = codes;
  }

  /**
   * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto}
   * @throws dev.flowtraining.trainer.StageFailure 66 {@code ModelUnreadable} for files that do not fit together
   */
  public static Vq02 open(TokenizerFolder folder, String device) {
    Cmvn cmvn = Cmvn.read(folder.cmvn());
    if (cmvn.dimensions() != Vq02FrontEnd.DIMENSIONS) {
      throw OnnxModel.unreadable(folder.cmvn(), "it is for " + cmvn.dimensions() + " features, not for "
          + Vq02FrontEnd.DIMENSIONS, null);
    }
    Tensor centroids = centroids(folder.centroids());
    int width = (int) centroids.shape()[1];
    SanmEncoder encoder = folder.weights() == null ? new OnnxSanmEncoder(folder.chunkEncoder(), device)
        : new TorchSanmEncoder(folder.weights(), FunAsrConfig.read(folder.config()).heads(), device);
    if (encoder.inputs() != Vq02FrontEnd.DIMENSIONS || encoder.outputs() != width) {
      encoder.close();
      throw OnnxModel.unreadable(folder.weights() == null ? folder.chunkEncoder() : folder.weights(), "it turns "
          + encoder.inputs() + " numbers into " + encoder.outputs() + ", but the front end gives "
          + Vq02FrontEnd.DIMENSIONS + " and the centroids have " + width, null);
    }
    return new Vq02(new Vq02FrontEnd(cmvn), encoder, new NearestCentroid(centroids.floats(), width),
        (int) centroids.shape()[0]);
  }

  private static Tensor centroids(Path file) {
    Tensor centroids;
    try {
      centroids = Npy.read(file);
    } catch (IOException | RuntimeException e) {
      throw OnnxModel.unreadable(file, e.getMessage(), e);
    }
    if (centroids.shape().length != 2 || centroids.shape()[0] < 1 || centroids.shape()[0] > DualCodebook.VQ02_CODES) {
      throw OnnxModel.unreadable(file, "its shape is " + Arrays.toString(centroids.shape())
          + ", not (1…" + DualCodebook.VQ02_CODES + ", width)", null);
    }
    return centroids;
  }

  /**
   * @param samples at 16 kHz, after energy normalisation
   * @return a code for each 60 ms; as upstream, none for a last chunk (of 240 ms) under 55 ms
   */
  public int[] codes(float[] samples) throws IOException {
    float[] rows = positions.addTo(frontEnd.of(samples), encoder.outputs());
    return centroids.of(encoder.encode(rows));
  }

  public int codes() {
    return codes;
  }

  /** The encoder in a line. */
  public String describe() {
    return encoder.describe();
  }

  @Override
  public void close() {
    encoder.close();
  }
}
