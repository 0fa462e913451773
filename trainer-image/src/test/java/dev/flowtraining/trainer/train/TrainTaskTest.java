package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageTask;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainTaskTest {
  @TempDir Path dir;

  @Test
  void learns_and_says_so() throws Exception {
    SmallRun run = SmallRun.create(dir, 30, 6, """
        dataset_conf: {max_frames_in_batch: 400}
        train_conf: {max_epoch: 30, log_interval: 10, scheduler: constantlr, optim_conf: {lr: 3.0e-3}}
        """);
    List<Map<String, Object>> seen = new ArrayList<>();
    Progress progress = (stage, fraction, message, fields) -> seen.add(fields);
    StageTask.Result result = new TrainTask().run(run.context(Ranks.of(Map.of()), null, progress));
    double first = run.metrics("validation").getFirst().get("cv_loss").asDouble();
    double last = (Double) result.counts().get("cvLoss");
    assertThat(last).isLessThan(0.6 * first);
    assertThat(last).isLessThan((Double) result.counts().get("cvConstantLoss"));
    assertThat(result.counts()).containsEntry("epochs", 30).containsEntry("utterances", 30).containsEntry("skippedSteps", 0L);
    assertThat(seen.getLast()).containsKeys("epoch", "maxEpoch", "step", "loss", "cvLoss", "bestCvLoss", "learningRate",
        "framesPerSecond", "estimatedCompletion", "checkpoint");
    assertThat(dir.resolve(((Map<?, ?>) seen.getLast().get("checkpoint")).get("path").toString())).exists();
    assertThat(dir.resolve("exp/flow_model/attempt-1/epoch_29_whole.yaml")).content().contains("loss_dict:\n  loss: " + last);
    assertThat(new TrainTask().resultsPresent(run.alone())).isTrue();
  }
}
