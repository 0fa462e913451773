package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.batch.MicroBatch;
import dev.flowtraining.trainer.batch.MicroBatches;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.data.Prefetch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamingTest {
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 60}
      train_conf: {max_epoch: 1, accum_grad: %d, log_interval: 1, scheduler: constantlr, optim_conf: {lr: 1.0e-3}, streaming: %s,
                   chunk_size: 4}
      """;

  @TempDir Path dir;

  @Test
  void a_share_of_the_batches_is_in_chunks_whatever_the_ranks_and_draws_stay() throws Exception {
    SmallRun run = SmallRun.create(dir, 120, 2, CONFIG.formatted(2, "0.3"));
    ParquetExamples train = new ParquetExamples(new RunLayout(dir), "train", run.flowConfig());
    Map<String, MicroBatch> alone = new TreeMap<>();
    for (int epoch = 0; epoch < 3; epoch++) {
      alone.putAll(batches(train, run, 1, 0, epoch));
    }
    long streaming = alone.values().stream().filter(MicroBatch::streaming).count();
    assertThat(streaming / (double) alone.size()).isCloseTo(0.3, within(0.1));

    SmallRun two = SmallRun.create(dir, 120, 2, CONFIG.formatted(1, "0.3"));
    Map<String, MicroBatch> apart = new TreeMap<>();
    for (int rank = 0; rank < 2; rank++) {
      for (int epoch = 0; epoch < 3; epoch++) {
        apart.putAll(batches(train, two, 2, rank, epoch));
      }
    }
    assertThat(apart.keySet()).isEqualTo(alone.keySet());
    SmallRun never = SmallRun.create(dir, 120, 2, CONFIG.formatted(2, "0.0"));
    Map<String, MicroBatch> offline = batches(train, never, 1, 0, 0);
    assertThat(offline.values()).noneMatch(MicroBatch::streaming);
    alone.forEach((name, batch) -> {
      assertThat(apart.get(name).streaming()).as(name).isEqualTo(batch.streaming());
      if (offline.containsKey(name)) {
        assertThat(batch.draws().t()).isEqualTo(offline.get(name).draws().t());
        assertThat(batch.draws().dropConditions()).isEqualTo(offline.get(name).draws().dropConditions());
      }
    });
  }

  private static Map<String, MicroBatch> batches(
      ParquetExamples train, SmallRun run, int ranks, int rank, int epoch) {
    MicroBatches batches = new MicroBatches(train, run.flowConfig(), ranks, rank);
    EpochPlan plan = batches.plan(epoch);
    Map<String, MicroBatch> named = new TreeMap<>();
    try (Prefetch<int[], MicroBatch> source = batches.of(plan, epoch, 0)) {
      while (source.hasNext()) {
        MicroBatch batch = source.next();
        if (!batch.isEmpty()) {
          named.put(epoch + " " + batch.padded().utts(), batch);
        }
      }
    }
    return named;
  }

  @Test
  void training_with_it_is_another_and_reports_both_losses() throws Exception {
    List<String> losses = new ArrayList<>();
    for (String share : new String[] {"0.0", "0.5"}) {
      SmallRun run = SmallRun.create(dir.resolve(share), 12, 3, CONFIG.formatted(1, share));
      new TrainTask().run(run.alone());
      losses.add(run.losses().values().toString());
      if (share.equals("0.0")) {
        assertThat(run.metrics("streaming")).isEmpty();
      } else {
        assertThat(run.metrics("streaming")).singleElement().satisfies(m -> {
          assertThat(m.get("cv_streaming_loss").asDouble()).isPositive()
              .isNotEqualTo(run.metrics("validation").getFirst().get("cv_loss").asDouble());
        });
      }
    }
    assertThat(losses.get(1)).isNotEqualTo(losses.get(0));
  }
}
