package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Examples;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.data.Replay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What training reads.
 *
 * @param replay the same as {@code train} when another list is mixed in
 * @param hash stands for all of it; a checkpoint carries it
 */
record TrainingData(Examples train, Optional<Replay> replay, ParquetExamples dev, String hash) {

  static TrainingData open(RunLayout layout, FlowConfig config) throws IOException {
    ParquetExamples own = new ParquetExamples(layout, "train", config);
    ParquetExamples dev = new ParquetExamples(layout, "dev", config);
    Optional<Path> list = replayed(layout, config);
    if (list.isEmpty()) {
      return new TrainingData(own, Optional.empty(), dev, hash(layout, config));
    }
    Replay replay = new Replay(
        own, ParquetExamples.of(list.get(), config), config.datasetConf().replayConf().weight());
    return new TrainingData(replay, Optional.of(replay), dev, hash(layout, config));
  }

  private static Optional<Path> replayed(RunLayout layout, FlowConfig config) {
    FlowConfig.Replay replay = config.datasetConf().replayConf();
    return replay.weight() == 0 ? Optional.empty() : Optional.of(layout.root().resolve(replay.dataList()));
  }

  static String hash(RunLayout layout, FlowConfig config) throws IOException {
    String own = StageRecord.require(layout, Stage.PARQUET).outputHash();
    Optional<Path> list = replayed(layout, config);
    if (list.isEmpty()) {
      return own;
    }
    InputHash hash = InputHash.start().add(own);
    for (Path file : ParquetExamples.files(list.get())) {
      hash.add(file.getFileName()).add(Files.size(file));
    }
    return hash.hex();
  }
}
