package dev.flowtraining.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigLoaderTest {
  @TempDir Path folder;

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("own.yaml"), text);
  }

  private StageFailure failure(String text) throws IOException {
    Path file = file(text);
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> ConfigLoader.load(null, file));
    assertThat(failure).as("refusal of:\n" + text).isNotNull();
    assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(failure.getMessage()).contains(file.toString()).doesNotContain("\n");
    return failure;
  }

  @ParameterizedTest
  @ValueSource(strings = {"production", "fine-tune", "tiny"})
  void everyPresetIsComplete(String preset) {
    FlowConfig config = ConfigLoader.preset(preset);
    assertThat(config.trainConf().optimConf().betas()).containsExactly(0.9, 0.999);
    assertThat(config.model().encoder().inputLayer()).isEqualTo("linear");
    assertThat(config.trainConf().dropout()).isEqualTo(preset.equals("tiny") ? 0.0 : null);
  }

  @Test
  void theFineTunePresetIsTheProductionModelAtAConstantRate() {
    FlowConfig fineTune = ConfigLoader.preset("fine-tune");
    assertThat(fineTune.model()).isEqualTo(ConfigLoader.preset("production").model());
    assertThat(fineTune.trainConf().optimConf().lr()).isEqualTo(1e-5);
    assertThat(fineTune.trainConf().scheduler()).isEqualTo("constantlr");
    assertThat(fineTune.trainConf().accumGrad()).isEqualTo(2);
  }

  @Test
  void aFileChangesOnlyWhatItSays() throws IOException {
    FlowConfig config = ConfigLoader.load(null, file("""
        preset: tiny
        train_conf:
          max_epoch: 3
          optim_conf: {lr: 1e-4}
          dropout: 0
        dataset_conf:
        """));
    FlowConfig tiny = ConfigLoader.preset("tiny");
    assertThat(config.trainConf().maxEpoch()).isEqualTo(3);
    assertThat(config.trainConf().optimConf().lr()).isEqualTo(1e-4);
    assertThat(config.trainConf().optimConf().eps()).isEqualTo(tiny.trainConf().optimConf().eps());
    assertThat(config.trainConf().dropout()).isEqualTo(0.0);
    assertThat(config.model()).isEqualTo(tiny.model());
    assertThat(config.datasetConf()).isEqualTo(tiny.datasetConf());
  }

  @Test
  void anEmptyFileIsThePresetAlone() throws IOException {
    assertThat(ConfigLoader.load("tiny", file("# nothing\n"))).isEqualTo(ConfigLoader.preset("tiny"));
  }

  @Test
  void anUnknownKeyIsNamedWithItsLineAndTheNearestOne() throws IOException {
    StageFailure failure = failure("train_conf:\n  max_epoch: 3\n  acum_grad: 2\n");
    assertThat(failure.reason()).isEqualTo("UnknownConfigKey");
    assertThat(failure.getMessage()).contains("line 3").contains("'train_conf.acum_grad'").contains("'train_conf.accum_grad'");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      train_conf: {max_epoch: many}                | a whole number
      train_conf: {max_epoch: 2.5}                 | a whole number
      train_conf: {max_epoch: '2'}                 | a whole number
      train_conf: {max_epoch: [2]}                 | a whole number
      train_conf: {max_epoch: }                    | a whole number
      train_conf: {grad_clip: .nan}                | a number
      train_conf: {grad_clip: 5f}                  | a number
      train_conf: {optim_conf: {betas: 0.9}}       | a list of numbers
      train_conf: {optim_conf: {betas: [0.9, x]}}  | a number
      train_conf: {optim: 5}                       | a word
      train_conf: {freeze: encoder}                | a list of words
      train_conf: {freeze: [1]}                    | a word
      train_conf: {activation_checkpointing: 1}    | true or false
      train_conf: {dropout: none}                  | a number or null
      model: {encoder: {key_bias: maybe}}          | true or false
      train_conf: 5                                | train_conf has to be a section
      """)
  void aWrongTypeIsToldWithItsLine(String text, String expected) throws IOException {
    StageFailure failure = failure("# a comment first\n" + text.replace("'2'", "\"2\"") + "\n");
    assertThat(failure.reason()).isEqualTo("InvalidConfig");
    assertThat(failure.getMessage()).contains("line 2").contains(expected);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      train_conf: {max_epoch: 0}                            | train_conf.max_epoch
      train_conf: {accum_grad: 0}                           | train_conf.accum_grad
      train_conf: {save_per_step: 0}                        | train_conf.save_per_step
      train_conf: {val_interval: 0}                         | train_conf.val_interval
      train_conf: {keep_best: -1}                           | train_conf.keep_best
      train_conf: {max_skipped_steps: 0}                    | train_conf.max_skipped_steps
      train_conf: {streaming: 1.5}                          | train_conf.streaming
      train_conf: {chunk_size: 0}                           | train_conf.chunk_size
      dataset_conf: {replay_conf: {data_list: old.list, weight: 0.95}} | dataset_conf.replay_conf.weight
      dataset_conf: {replay_conf: {weight: 0.5}}            | dataset_conf.replay_conf.data_list
      dataset_conf: {replay_conf: {data_list: old.list}}    | dataset_conf.replay_conf.weight
      train_conf: {ema_decay: 1.0}                          | train_conf.ema_decay
      train_conf: {precision: fp8}                          | train_conf.precision
      train_conf: {freeze: [encoder, decoder.nothing]}      | train_conf.freeze has to match parameters
      train_conf: {freeze: ["*"]}                           | train_conf.freeze has to leave something to train
      train_conf: {optim: sgd}                              | train_conf.optim
      train_conf: {scheduler: step}                         | train_conf.scheduler
      train_conf: {scheduler: cosine}                       | train_conf.scheduler_conf.max_steps
      train_conf: {scheduler_conf: {hold_steps: 9}}         | train_conf.scheduler_conf.hold_steps
      train_conf: {scheduler_conf: {min_lr: 1}}             | train_conf.scheduler_conf.min_lr
      train_conf: {optim_conf: {lr: 0}}                     | train_conf.optim_conf.lr
      train_conf: {optim_conf: {betas: [0.9]}}              | train_conf.optim_conf.betas
      train_conf: {dropout: 1.0}                            | train_conf.dropout
      model: {output_size: 64}                              | model.output_size
      model: {encoder: {dropout_rate: 0.2}}                 | model.encoder.positional_dropout_rate
      model: {encoder: {attention_dropout_rate: 0.0}}       | model.encoder.attention_dropout_rate
      cfm: {sigma_min: 1.0}                                 | cfm.sigma_min
      cfm: {training_cfg_rate: -0.1}                        | cfm.training_cfg_rate
      prepare_conf: {max_reject_fraction: 2}                | prepare_conf.max_reject_fraction
      prepare_conf: {min_seconds: 9, max_seconds: 8}        | prepare_conf.max_seconds
      tokenizer_conf: {vq06_codes: 5000}                    | tokenizer_conf.vq06_codes
      dataset_conf: {sample_rate: 22050}                    | dataset_conf.sample_rate
      dataset_conf: {speaker_embedding: mean}               | dataset_conf.speaker_embedding
      model: {input_size: 64}                               | model.input_size
      model: {vocab_size: 2048}                             | tokenizer_conf.vq06_codes
      model: {encoder: {attention_heads: 7}}                | model.encoder.attention_heads
      model: {encoder: {up_stride: 3}}                      | model.encoder.up_stride
      model: {estimator: {in_channels: 240}}                | model.estimator.in_channels
      """)
  void aValueOutOfRangeIsToldWithTheSetting(String text, String setting) throws IOException {
    Path file = file(text + "\n");
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> ConfigLoader.load(null, file));
    assertThat(failure).as(text).isNotNull();
    assertThat(failure.reason()).isEqualTo("InvalidConfig");
    assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(failure.getMessage()).contains(setting).contains("line ").contains("has to ");
  }

  @Test
  void aRepeatedKeyIsRefused() throws IOException {
    assertThat(failure("cfm:\n  sigma_min: 0.1\n  sigma_min: 0.2\n").getMessage()).contains("line 3").contains("line 2");
  }

  @Test
  void whatIsNoYamlIsToldWithItsLine() throws IOException {
    StageFailure failure = failure("cfm:\n  sigma_min: [0.1\n");
    assertThat(failure.reason()).isEqualTo("InvalidConfig");
    assertThat(failure.getMessage()).contains("line ").contains("not YAML");
  }

  @Test
  void presetsThatDoNotExistOrContradictAreRefused() throws IOException {
    StageFailure unknown = catchThrowableOfType(StageFailure.class, () -> ConfigLoader.preset("huge"));
    assertThat(unknown.reason()).isEqualTo("UnknownPreset");
    Path tiny = file("preset: tiny\n");
    StageFailure two = catchThrowableOfType(StageFailure.class, () -> ConfigLoader.load("production", tiny));
    assertThat(two.exitCode()).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void aMissingFileIsMissing() {
    StageFailure failure = catchThrowableOfType(StageFailure.class,
        () -> ConfigLoader.load("tiny", folder.resolve("nowhere.yaml")));
    assertThat(failure.exitCode()).isEqualTo(ExitCode.MISSING);
  }
}
