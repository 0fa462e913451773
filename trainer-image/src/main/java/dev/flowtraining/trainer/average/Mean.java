package dev.flowtraining.trainer.average;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.DType;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The plain mean of checkpoints, summed in float64. Integers such as epoch and step are dropped. */
final class Mean {

  private Mean() {}

  /** @throws StageFailure 66 {@code CheckpointMismatch} when they are not of one model */
  static StateDict of(Map<Path, StateDict> checkpoints) {
    List<StateDict> dicts = List.copyOf(checkpoints.values());
    Path first = checkpoints.keySet().iterator().next();
    checkpoints.forEach((file, dict) -> sameModel(first, dicts.getFirst(), file, dict));
    LinkedHashMap<String, Tensor> mean = new LinkedHashMap<>();
    for (String name : dicts.getFirst().tensors().keySet()) {
      mean.put(name, mean(name, dicts.stream().map(d -> d.tensors().get(name)).toList()));
    }
    return new StateDict(mean);
  }

  private static Tensor mean(String name, List<Tensor> tensors) {
    double[] sum = new double[Math.toIntExact(tensors.getFirst().elements())];
    for (Tensor tensor : tensors) {
      FloatBuffer values = tensor.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
      for (int i = 0; i < sum.length; i++) {
        sum[i] += values.get(i);
      }
    }
    // outside of the heap: production weights take 615 MB
    ByteBuffer data = Arena.ofAuto().allocate(4L * sum.length, 4).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < sum.length; i++) {
      float value = (float) (sum[i] / tensors.size());
      if (!Float.isFinite(value)) {
        throw new StageFailure(ExitCode.BAD_DATA, "NonFiniteWeights", "the mean of " + name
            + " is not finite; a checkpoint is broken: train again with a lower train_conf.optim_conf.lr");
      }
      data.putFloat(4 * i, value);
    }
    return new Tensor(DType.FLOAT32, tensors.getFirst().shape(), data);
  }

  private static void sameModel(Path first, StateDict expected, Path file, StateDict dict) {
    List<String> differences = new ArrayList<>();
    expected.tensors().forEach((name, tensor) -> {
      Tensor other = dict.tensors().get(name);
      if (other == null || !Arrays.equals(other.shape(), tensor.shape())) {
        differences.add(name + (other == null ? " is missing" : " has shape " + Arrays.toString(other.shape())));
      } else if (other.dtype() != DType.FLOAT32) {
        differences.add(name + " is " + other.dtype() + ", not FLOAT32");
      }
    });
    dict.tensors().keySet().stream().filter(n -> !expected.tensors().containsKey(n))
        .forEach(n -> differences.add(n + " is new"));
    if (!differences.isEmpty()) {
      throw new StageFailure(ExitCode.MISSING, "CheckpointMismatch", file + " is not of the same model as "
          + first + ": " + differences.getFirst() + (differences.size() > 1 ? " and " + (differences.size() - 1) + " more" : "")
          + "; use a run directory of its own for each model");
    }
  }
}
