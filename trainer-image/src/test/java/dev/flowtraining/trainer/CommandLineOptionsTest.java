package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CommandLineOptionsTest {

  private static CommandLineOptions parse(String line) {
    CommandLineOptions options = new CommandLineOptions();
    new CommandLine(options).parseArgs(line.split(" "));
    return options;
  }

  @Test
  void whatIsNotGivenHasTheContractsDefault() {
    StageOptions options = parse("train --run-dir run").stageOptions(Map.of());
    assertThat(options).isEqualTo(new StageOptions(null, null, null, null, "builtin", "builtin", "builtin", "builtin",
        "torch_ddp", null, "auto", null, 5, "last", Duration.ofSeconds(600)));
  }

  @Test
  void everyOptionArrives() {
    StageOptions options = parse("check --run-dir run --train t --dev-fraction 0.1 --path-prefix /a=/b"
        + " --speaker-encoder s --tokenizer k --init i --vocoder v --engine deepspeed --deepspeed-config d --device cuda"
        + " --resume-from r --num 3 --by valBest")
        .stageOptions(Map.of("FLOWTRAINING_RENDEZVOUS_TIMEOUT", "30"));
    assertThat(options).isEqualTo(new StageOptions(Path.of("t"), null, 0.1, "/a=/b", "s", "k", "i", "v", "deepspeed",
        Path.of("d"), "cuda", "r", 3, "valBest", Duration.ofSeconds(30)));
  }

  @Test
  void gpusAndRanksSayHowManyProcessesTrain() {
    assertThat(parse("run --run-dir r").startsRanks()).isFalse();
    CommandLineOptions four = parse("run --run-dir r --gpus 0,1,2,3");
    four.stageOptions(Map.of());
    assertThat(four.startsRanks()).isTrue();
    assertThat(four.gpus()).containsExactly("0", "1", "2", "3");
    assertThat(parse("run --run-dir r --gpus 3").startsRanks()).as("one, but a certain one").isTrue();
    assertThat(parse("train --run-dir r --ranks 4").startsRanks()).isTrue();
    assertThat(catchThrowableOfType(StageFailure.class, () -> parse("train --run-dir r --gpus 0").stageOptions(
        Map.of("WORLD_SIZE", "2")))).hasMessageContaining("WORLD_SIZE");
  }

  @Test
  void stagesGoByNameNumberAndRange() {
    assertThat(parse("train --run-dir r").wanted()).containsExactly(Stage.TRAIN);
    assertThat(parse("run --run-dir r --stages 3-4").wanted()).containsExactly(Stage.CHECK, Stage.PARQUET, Stage.TRAIN);
    assertThat(parse("run --run-dir r --stages speech-tokens").wanted()).containsExactly(Stage.CHECK, Stage.SPEECH_TOKENS);
    assertThat(parse("run --run-dir r").wanted()).hasSize(8);
  }

  @ParameterizedTest
  @ValueSource(strings = {"train --run-dir r --engine horovod", "train --run-dir r --device tpu", "average --run-dir r --num 0",
      "average --run-dir r --by best", "run --run-dir r --train a --dev b --dev-fraction 0.1", "run --run-dir r --dev-fraction 2",
      "run --run-dir r --path-prefix /a", "run --run-dir r --gpus 0,0", "run --run-dir r --gpus all",
      "run --run-dir r --gpus 0,1 --ranks 3", "run --run-dir r --gpus 0 --device cpu", "train --run-dir r --ranks 0"})
  void valuesThatNoStageTakesAreUsageErrors(String line) {
    StageFailure failure =
        catchThrowableOfType(StageFailure.class, () -> parse(line).stageOptions(Map.of()));
    assertThat(failure).as(line).isNotNull();
    assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void aStepIsGivenByItsOption() {
    assertThat(parse("parquet --run-dir r").step(Map.of())).isEqualTo(Step.WHOLE);
    assertThat(parse("2 --run-dir r --fit").step(Map.of())).isEqualTo(Step.FIT);
    assertThat(parse("speech-tokens --run-dir r --shard 3/4").step(Map.of())).isEqualTo(new Step.Shard(3, 4));
    assertThat(parse("parquet --run-dir r --merge").step(Map.of())).isEqualTo(Step.MERGE);
    Map<String, String> pod = Map.of("JOB_COMPLETION_INDEX", "2", "FLOWTRAINING_SHARDS", "4");
    assertThat(parse("parquet --run-dir r").step(pod)).isEqualTo(new Step.Shard(2, 4));
    assertThat(parse("parquet --run-dir r --shard 0/2").step(pod)).isEqualTo(new Step.Shard(0, 2));
    assertThat(parse("check --run-dir r").step(pod)).as("the check before a shard").isEqualTo(Step.WHOLE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"parquet --run-dir r --shard 4/4", "parquet --run-dir r --shard 1", "parquet --run-dir r --shard -1/4",
      "parquet --run-dir r --shard 0/0", "train --run-dir r --shard 0/4", "run --run-dir r --merge",
      "parquet --run-dir r --fit --merge"})
  void stepsThatNoStageHasAreUsageErrors(String line) {
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> parse(line).step(Map.of()));
    assertThat(failure).as(line).isNotNull();
    assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"run --run-dir r --stages 4-2", "run --run-dir r --stages 0-9", "dance --run-dir r"})
  void stagesThatDoNotExistAreUsageErrors(String line) {
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> parse(line).wanted());
    assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
  }
}
