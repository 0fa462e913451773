package dev.flowtraining.trainer.export;

import ai.djl.Device;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.StateDict;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * An utterance that the model did not see, as it is and as the model makes it from its tokens and speaker.
 *
 * @param real_FC frames × 80
 * @param predicted_FC frames × 80
 */
record SampleMel(String utt, float[] real_FC, float[] predicted_FC) {
  private static final int STEPS = 10; // as in upstream's inference
  private static final int MAX_GROUPS = 50; // 6 s: enough to see, and quick on a CPU
  private static final long SEED = 1986;

  /** Mean absolute difference per frame and bin, of natural logarithms. */
  double l1() {
    double sum = 0;
    for (int i = 0; i < real_FC.length; i++) {
      sum += Math.abs(real_FC[i] - predicted_FC[i]);
    }
    return sum / real_FC.length;
  }

  /**
   * Utterances spread over the validation set, or the training set when there is none; the first 6 s of each. None when the
   * run directory holds no data, as when only the last stages were asked for.
   *
   * @param count at most so many
   */
  static List<SampleMel> of(RunLayout layout, FlowConfig config, StateDict weights, int count, Device device)
      throws IOException {
    String split = hasData(layout, "dev") ? "dev" : "train";
    if (!hasData(layout, split)) {
      return List.of();
    }
    ParquetExamples examples = new ParquetExamples(layout, split, config);
    List<SampleMel> samples = new ArrayList<>();
    try (Parameters parameters = Parameters.create(config.model(), device)) {
      parameters.load(weights, true);
      FlowModel model = new FlowModel(config.model(), config.cfm(), parameters);
      int total = examples.frames().length;
      for (int i = 0; i < count && i < total; i++) {
        Optional<Example> example = examples.load((int) ((2L * i + 1) * total / (2L * Math.min(count, total))));
        if (example.isPresent()) {
          samples.add(sample(model, config, example.get()));
        }
      }
    }
    return samples;
  }

  private static boolean hasData(RunLayout layout, String split) throws IOException {
    return Files.isRegularFile(layout.dataList(split)) && Files.size(layout.dataList(split)) > 0;
  }

  private static SampleMel sample(FlowModel model, FlowConfig config, Example example) {
    int bins = config.model().outputSize();
    int frames = Math.min(example.frames(), MAX_GROUPS * DualCodebook.FRAMES);
    int[][] token_T2 = new int[frames / 2][];
    for (int t = 0; t < token_T2.length; t++) {
      token_T2[t] = new int[] {example.token_2T()[2 * t], example.token_2T()[2 * t + 1]};
    }
    Random random = new Random(SEED);
    float[] noise_CF = new float[bins * frames];
    for (int i = 0; i < noise_CF.length; i++) {
      noise_CF[i] = (float) random.nextGaussian();
    }
    float[] predicted = model.sample(token_T2, example.speaker(), new float[0], noise_CF, STEPS,
        config.model().inferenceCfgRate());
    return new SampleMel(example.utt(), Arrays.copyOf(example.mel_FC(), frames * bins), predicted);
  }
}
