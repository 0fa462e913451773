package dev.flowtraining.trainer.vocoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The tensors of a {@code hift.pt} by name. Weight normalisation (direction v and length g, under either of torch's two
 * names for them) is carried out, and the prefix that CosyVoice's trainer leaves is taken off.
 */
final class HiFTWeights {
  private final Path file;
  private final Map<String, StateDict.Tensor> tensors = new LinkedHashMap<>();

  private HiFTWeights(Path file) {
    this.file = file;
  }

  /** @throws StageFailure 66 {@code CheckpointUnreadable} */
  static HiFTWeights read(Path file) {
    return of(file, StateDictFile.read(file));
  }

  static HiFTWeights of(Path file, StateDict dict) {
    HiFTWeights weights = new HiFTWeights(file);
    dict.tensors().forEach((name, tensor) -> weights.tensors.put(name.replaceFirst("^generator\\.", ""), tensor));
    return weights;
  }

  boolean has(String name) {
    return tensors.containsKey(name) || tensors.containsKey(name + "_v")
        || tensors.containsKey(parametrisation(name) + "1");
  }

  long[] shape(String name) {
    return direction(name).shape();
  }

  float[] values(String name) {
    StateDict.Tensor direction = direction(name);
    float[] values = direction.floats();
    if (tensors.containsKey(name)) {
      return values;
    }
    float[] length = get(tensors.containsKey(name + "_v") ? name + "_g" : parametrisation(name) + "0").floats();
    int row = values.length / length.length; // the norm is over all axes but the first
    for (int r = 0; r < length.length; r++) {
      double squares = 0;
      for (int i = 0; i < row; i++) {
        squares += (double) values[r * row + i] * values[r * row + i];
      }
      float scale = (float) (length[r] / Math.sqrt(squares));
      for (int i = 0; i < row; i++) {
        values[r * row + i] *= scale;
      }
    }
    return values;
  }

  NDArray array(NDManager manager, String name) {
    return manager.create(FloatBuffer.wrap(values(name)), new Shape(shape(name)));
  }

  private StateDict.Tensor direction(String name) {
    return tensors.containsKey(name) ? tensors.get(name)
        : tensors.containsKey(name + "_v") ? tensors.get(name + "_v") : get(parametrisation(name) + "1");
  }

  private static String parametrisation(String name) {
    int dot = name.lastIndexOf('.');
    return name.substring(0, dot) + ".parametrizations" + name.substring(dot) + ".original";
  }

  private StateDict.Tensor get(String name) {
    StateDict.Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw mismatch("it has no tensor " + name.replaceFirst("\\.parametrizations(.*)\\.original[01]$", "$1"));
    }
    return tensor;
  }

  StageFailure mismatch(String what) {
    return new StageFailure(ExitCode.MISSING, "VocoderMismatch", file + " is no HiFT vocoder as Step-Audio-EditX and"
        + " CosyVoice 2 release it: " + what + "; give their hift.pt, or none for Griffin-Lim");
  }
}
