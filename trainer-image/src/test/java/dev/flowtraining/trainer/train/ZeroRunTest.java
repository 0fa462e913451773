package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.StageTask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole run with a {@code ds_stage2.json}: its checkpoints go on with another number of ranks. */
class ZeroRunTest {
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 300, num_workers: 1}
      train_conf: {max_epoch: 1, keep_last: 3, dropout: 0.0, scheduler: constantlr, optim_conf: {lr: 1.0e-3}}
      """;
  private static final String DEEPSPEED = """
      {"gradient_accumulation_steps": 1, "steps_per_print": 1,
       "zero_optimization": {"stage": 2, "reduce_bucket_size": 1e5, "allgather_bucket_size": 5e8},
       "optimizer": {"type": "AdamW", "params": {"lr": 0.001, "weight_decay": 0.01}}}
      """;

  @TempDir Path dir;

  @Test
  void saved_by_four_ranks_it_goes_on_with_one_two_and_three() throws Exception {
    SmallRun four = SmallRun.create(dir.resolve("four"), 16, 4, CONFIG);
    Files.writeString(four.dir.resolve("ds.json"), DEEPSPEED);
    long quarter = bytes(train(four, 4, 1));
    String first = four.metrics("validation").getFirst().get("cv_loss").asText();
    assertThat(four.losses()).isNotEmpty();
    for (int ranks = 1; ranks <= 3; ranks++) {
      SmallRun run = copy(four, "go-on-" + ranks);
      Files.writeString(run.config(), "preset: tiny\n" + CONFIG.replace("max_epoch: 1", "max_epoch: 2"));
      List<StageTask.Result> results = train(run, ranks, 2);
      assertThat(run.dir.resolve("exp/flow_model/train.log")).content()
          .contains("training goes on from exp/flow_model/attempt-1/epoch_0_whole.pt")
          .contains("parameters are trained, in fp32; the optimizer holds");
      assertThat(run.metrics("validation").getLast().get("cv_loss").asDouble()).isLessThan(Double.parseDouble(first));
      assertThat((double) bytes(results) * ranks / (4 * quarter)).isBetween(0.99, 1.01);
    }
  }

  private static long bytes(List<StageTask.Result> results) {
    return (Long) results.getFirst().counts().get("optimizerBytesPerRank");
  }

  private static List<StageTask.Result> train(SmallRun run, int ranks, int attempt) throws Exception {
    return RankThreads.each(ranks, attempt, me -> new TrainTask().run(run.context(me, null, Progress.NONE)));
  }

  private SmallRun copy(SmallRun run, String name) throws IOException {
    Path to = dir.resolve(name);
    try (Stream<Path> files = Files.walk(run.dir)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(run.dir.relativize(file)));
      }
    }
    return SmallRun.at(to);
  }
}
