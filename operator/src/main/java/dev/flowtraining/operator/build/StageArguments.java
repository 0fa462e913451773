package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.CachePolicy;
import dev.flowtraining.operator.api.v1alpha1.DataSpec;
import dev.flowtraining.operator.api.v1alpha1.Device;
import dev.flowtraining.operator.api.v1alpha1.Engine;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.ModelsSpec;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageOverride;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.decide.Decision.Start;
import java.util.ArrayList;
import java.util.List;

/** The trainer's command line. Every argument is an element of its own: user text never meets a shell. */
final class StageArguments {

  private static final String MIN_FREE_DISK = "1Gi";

  private StageArguments() {
  }

  static List<String> of(FlowTraining ft, Start start, boolean configFile) {
    FlowTrainingSpec spec = ft.getSpec();
    List<String> args = common(ft, start.stage().id(), configFile);
    switch (start.stage()) {
      case PREPARE_DATA -> args.addAll(data(spec.data()));
      case SPEAKER_EMBEDDING -> args.addAll(List.of("--speaker-encoder", model(spec.models().speakerEncoder())));
      case SPEECH_TOKENS -> args.addAll(List.of("--tokenizer", model(spec.models().tokenizer())));
      case PARQUET -> { }
      case EXPORT -> args.addAll(vocoder(spec));
      case TRAIN -> {
        args.addAll(List.of("--init", model(spec.models().init())));
        args.addAll(vocoder(spec));
        args.addAll(engine(spec, spec.training().device()));
        start.resumeFrom().ifPresent(path -> args.addAll(List.of("--resume-from", path)));
      }
      case AVERAGE -> args.addAll(averaging(spec));
    }
    if (start.stage().readsAudio() && spec.workspace().cache() == CachePolicy.SHARED) {
      args.addAll(List.of("--cache", Mounts.cache(ft)));
    }
    if (gpus(spec, start) > 0) {
      args.addAll(List.of("--device", Device.CUDA.id()));
    }
    switch (start.step()) {
      case FIT -> args.add("--fit");
      case MERGE -> args.add("--merge");
      case WHOLE, SHARDS -> { } // which shard it is, a pod knows from its environment
    }
    return List.copyOf(args);
  }

  /** Of a stage other than training: codebooks are fitted and shards joined without any. */
  static int gpus(FlowTrainingSpec spec, Start start) {
    boolean extracts = start.step() == StageStep.WHOLE || start.step() == StageStep.SHARDS;
    return extracts ? spec.overrideOf(start.stage()).map(StageOverride::gpus).orElse(0) : 0;
  }

  /**
   * The check before the first stage knows everything that later stages will need, except their GPUs: it sees those of
   * its own pod only, and pods of other stages than training have none.
   */
  static List<String> check(FlowTraining ft, Stage first, boolean configFile) {
    FlowTrainingSpec spec = ft.getSpec();
    List<String> args = common(ft, "check", configFile);
    if (spec.stages().contains(Stage.PREPARE_DATA)) {
      args.addAll(data(spec.data()));
    }
    args.addAll(List.of("--speaker-encoder", model(spec.models().speakerEncoder())));
    args.addAll(List.of("--tokenizer", model(spec.models().tokenizer())));
    args.addAll(List.of("--init", model(spec.models().init())));
    args.addAll(vocoder(spec));
    args.addAll(engine(spec, first.isTraining() ? spec.training().device() : Device.CPU));
    args.addAll(averaging(spec));
    args.addAll(List.of("--min-free-disk", MIN_FREE_DISK));
    return List.copyOf(args);
  }

  private static List<String> common(FlowTraining ft, String command, boolean configFile) {
    List<String> args = new ArrayList<>(List.of(command, "--run-dir", Mounts.runDirectory(ft),
        "--preset", ft.getSpec().config().preset().id()));
    if (configFile) {
      args.addAll(List.of("--config", Mounts.CONFIG_FILE));
    }
    return args;
  }

  private static List<String> data(DataSpec data) {
    List<String> args = new ArrayList<>(List.of("--train", Mounts.DATA + "/" + data.train().path()));
    if (data.dev() != null) {
      args.addAll(List.of("--dev", Mounts.DATA + "/" + data.dev().path()));
    }
    if (data.devFraction() != null) {
      args.addAll(List.of("--dev-fraction", Double.toString(data.devFraction())));
    }
    if (data.pathPrefix() != null) {
      args.addAll(List.of("--path-prefix", data.pathPrefix().from() + "=" + data.pathPrefix().to()));
    }
    return args;
  }

  private static List<String> engine(FlowTrainingSpec spec, Device device) {
    List<String> args = new ArrayList<>(List.of("--engine", spec.training().engine().id(),
        "--device", device.id()));
    if (spec.training().engine() == Engine.DEEPSPEED) {
      args.addAll(List.of("--deepspeed-config", Mounts.DEEPSPEED_FILE));
    }
    return args;
  }

  private static List<String> averaging(FlowTrainingSpec spec) {
    return List.of("--num", Integer.toString(spec.averaging().num()), "--by", spec.averaging().by().id());
  }

  /** Said only where it is a file: a run goes on with the image that it began with, which may not know the option. */
  private static List<String> vocoder(FlowTrainingSpec spec) {
    String vocoder = spec.models().vocoder();
    return vocoder.equals(ModelsSpec.BUILTIN) ? List.of() : List.of("--vocoder", model(vocoder));
  }

  private static String model(String pathOrBuiltin) {
    return pathOrBuiltin.equals(ModelsSpec.BUILTIN) ? pathOrBuiltin : Mounts.MODELS + "/" + pathOrBuiltin;
  }
}
