package dev.flowtraining.trainer.models;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A loaded ONNX file. One session serves all threads, and a run stays on the thread that asks for it: many recordings
 * side by side are faster than one at a time on all cores. Inputs and outputs go by their place, since exporters name
 * them as they like.
 */
public final class OnnxModel implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OnnxModel.class);
  private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

  private final Path file;
  private final OrtSession session;
  private final List<NodeInfo> inputs;
  private final List<NodeInfo> outputs;

  private OnnxModel(Path file, OrtSession session) throws OrtException {
    this.file = file;
    this.session = session;
    inputs = List.copyOf(session.getInputInfo().values());
    outputs = List.copyOf(session.getOutputInfo().values());
  }

  /**
   * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto}. CUDA needs onnxruntime_gpu on the class
   *     path; without it the CPU computes the same, which is said once for a device that was asked for by name
   * @throws StageFailure 66 {@code ModelNotFound}, {@code ModelUnreadable}, {@code DeviceNotFound}
   */
  public static OnnxModel open(Path file, String device) {
    if (!Files.isRegularFile(file)) {
      throw new StageFailure(ExitCode.MISSING, "ModelNotFound", "the model " + file + " is not there");
    }
    boolean able = OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA);
    if (device.startsWith("cuda") && !able) {
      LOG.warn("{} runs on the CPU: this ONNX Runtime has no CUDA provider; put the jar onnxruntime_gpu in the place of"
          + " onnxruntime for {}", file.getFileName(), device);
    }
    if (able && !device.equals("cpu")) {
      try {
        int number = device.startsWith("cuda:") ? Integer.parseInt(device.substring(5)) : 0;
        return new OnnxModel(file, session(file, number));
      } catch (OrtException e) {
        if (!device.equals("auto")) {
          throw new StageFailure(ExitCode.MISSING, "DeviceNotFound", "ONNX Runtime cannot use " + device + " for "
              + file + " (" + e.getMessage() + "); check the driver and the GPU request, or take --device cpu", e);
        }
        LOG.info("no CUDA device for {}: it runs on the CPU", file.getFileName());
      }
    }
    try {
      return new OnnxModel(file, session(file, null));
    } catch (OrtException e) {
      throw unreadable(file, e.getMessage(), e);
    }
  }

  private static OrtSession session(Path file, Integer cuda) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      if (cuda != null) {
        options.addCUDA(cuda);
      }
      return ENVIRONMENT.createSession(file.toString(), options);
    }
  }

  /** A model that is there but is not what it should be. */
  public static StageFailure unreadable(Path file, String why, Exception cause) {
    return new StageFailure(ExitCode.MISSING, "ModelUnreadable", file + " cannot be used: " + why
        + "; fetch it again from where the model is released", cause);
  }

  /** The same for this file. */
  public StageFailure unfit(String why) {
    return unreadable(file, why, null);
  }

  public static OrtEnvironment environment() {
    return ENVIRONMENT;
  }

  /** Sizes of an input's axes; −1 where any will do. */
  public long[] inputShape(int place) {
    return inputs.get(place).getInfo() instanceof TensorInfo t ? t.getShape() : new long[0];
  }

  /** @throws StageFailure when the file has other numbers of inputs and outputs: it is another model */
  public OnnxModel require(int inputCount, int outputCount, String what) {
    if (inputs.size() != inputCount || outputs.size() < outputCount) {
      close();
      throw unfit("it is no " + what + " with " + inputCount + " inputs and " + outputCount + " outputs, but " + this);
    }
    return this;
  }

  /** Runs on tensors in the order of the model's inputs. */
  public OrtSession.Result run(OnnxTensor... tensors) throws IOException {
    Map<String, OnnxTensor> named = new LinkedHashMap<>();
    for (int i = 0; i < tensors.length; i++) {
      named.put(inputs.get(i).getName(), tensors[i]);
    }
    try {
      return session.run(named);
    } catch (OrtException e) {
      String shapes = Arrays.stream(tensors).map(t -> Arrays.toString(t.getInfo().getShape()))
          .collect(Collectors.joining(", "));
      throw unreadable(file, "it failed on inputs of shape " + shapes + ": " + e.getMessage(), e);
    }
  }

  /** Inputs and outputs with their shapes, such as {@code feats [1, 128, ?] → indices [1, ?]}. */
  @Override
  public String toString() {
    return described(inputs) + " → " + described(outputs);
  }

  private static String described(List<NodeInfo> nodes) {
    return nodes.stream().map(n -> n.getName() + (n.getInfo() instanceof TensorInfo t
        ? " " + Arrays.toString(t.getShape()).replace("-1", "?") : "")).collect(Collectors.joining(", "));
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
