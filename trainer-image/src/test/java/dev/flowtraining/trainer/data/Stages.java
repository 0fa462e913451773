package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** Runs data stages in tests: a small config, and the records that the next stage asks for. */
public final class Stages {
  private Stages() {}

  public static StageOptions options(Path train, Path dev, Double devFraction, String pathPrefix) {
    return options(train, dev, devFraction, pathPrefix, "builtin", "builtin");
  }

  public static StageOptions options(Path train, Path dev, Double devFraction, String pathPrefix, String encoder,
      String tokenizer) {
    return new StageOptions(train, dev, devFraction, pathPrefix, encoder, tokenizer, "builtin", "builtin", "torch_ddp", null,
        "cpu", null, 5, "last", Duration.ofSeconds(10));
  }

  public static StageContext context(Path run, StageOptions options, double maxRejectFraction) {
    return context(run, options, new FlowConfig.Prepare(maxRejectFraction, 0.5, 2.5));
  }

  public static StageContext context(Path run, StageOptions options, FlowConfig.Prepare prepare) {
    FlowConfig config = new FlowConfig(null, null, prepare,
        new FlowConfig.Tokenizer(8, 16, 5, 5000, false),
        dataset("utt"), null, null);
    return new StageContext(new RunLayout(run), config, options, Ranks.of(Map.of()), Progress.NONE);
  }

  /** Small files and small batches. */
  public static FlowConfig.Dataset dataset(String speakerEmbedding) {
    return new FlowConfig.Dataset(24_000, 200_000, 80_000, "snappy",
        new FlowConfig.Filter(10, 6000, 1, 200, 0.0005, 1, "builtin"), new FlowConfig.Replay("none", 0), 2000, 1000, 500,
        1, 4, 1, "none", 1,
        speakerEmbedding);
  }

  /** Runs a stage and leaves its record, as StageRunner does. */
  public static StageTask.Result run(StageContext context, Stage stage, StageTask task)
      throws IOException, InterruptedException {
    StageTask.Result result = task.run(context);
    new StageRecord(stage.id(), task.inputHash(context), result.outputHash(), result.counts(), 0, Map.of(), "")
        .write(context.layout());
    task.removeParts(context);
    return result;
  }
}
