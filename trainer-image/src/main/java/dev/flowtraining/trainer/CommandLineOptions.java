package dev.flowtraining.trainer;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What a user, or the operator, types. */
@Command(name = "flow-trainer", sortOptions = false, usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
    versionProvider = CommandLineOptions.Version.class,
    description = "Trains the flow (token2mel) model of Step-Audio-EditX: one stage, or with 'run' several in one process.",
    footer = {"", "flow-trainer models check DIR tries the released models in a folder.",
        "flow-trainer bench times training steps on synthetic batches.",
        "flow-trainer inspect FILE [OTHER] lists the tensors of a checkpoint, or what differs.",
        "flow-trainer synthesize FILE … makes held-out utterances with a checkpoint: mels, pictures, audio.",
        "flow-trainer config import FILE turns a YAML of CosyVoice into settings of this trainer.",
        "flow-trainer clean --run-dir DIR removes the run directory of a FlowTraining that is deleted.", "",
        "Exit codes: 0 done, 1 unknown, 2 usage or config, 64 bad data, 65 out of memory, 66 something missing,",
        "75 worth another try, 143 ended by SIGTERM."})
final class CommandLineOptions {
  static final String DEVICES = "auto|cpu|cuda(:\\d+)?";

  @Parameters(index = "0", paramLabel = "STAGE", description = "check, prepare-data, speaker-embedding, speech-tokens,"
      + " parquet, train, average, export; or run, validate")
  String stage;

  @Option(names = "--run-dir", required = true, paramLabel = "DIR", description = "where all stages meet")
  Path runDir;

  @Option(names = "--preset", paramLabel = "NAME", description = "production (default), fine-tune or tiny")
  String preset;

  @Option(names = "--config", paramLabel = "FILE", description = "settings that differ from the preset")
  Path config;

  @Option(names = "--stages", paramLabel = "A-B", defaultValue = "0-6", description = "for run: stages by number (${DEFAULT-VALUE})")
  String stages;

  @Option(names = "--cache", paramLabel = "DIR", description = "runs with the same data share the stages 0-3 through this"
      + " folder, on the volume of their run directories")
  Path cache;

  @ArgGroup(validate = false, heading = "%nData (prepare-data, check, run; validate takes a data.list or its folder, too)%n")
  Data data = new Data();

  @ArgGroup(validate = false, heading = "%nModels: 'builtin', or a file or folder%n")
  Models models = new Models();

  @ArgGroup(validate = false, heading = "%nSharing the work (speaker-embedding, speech-tokens, parquet)%n")
  Sharing sharing = new Sharing();

  @ArgGroup(validate = false, heading = "%nTraining%n")
  Training training = new Training();

  @ArgGroup(validate = false, heading = "%nAveraging%n")
  Averaging averaging = new Averaging();

  @ArgGroup(validate = false, heading = "%nCheck%n")
  Checking checking = new Checking();

  static final class Data {
    @Option(names = "--train", paramLabel = "PATH",
        description = "folder with wav.scp, text and perhaps utt2spk, or a folder of audio")
    Path train;

    @Option(names = "--dev", paramLabel = "PATH", description = "like --train, for validation")
    Path dev;

    @Option(names = "--dev-fraction", paramLabel = "F", description = "part of --train that is held out instead of --dev")
    Double devFraction;

    @Option(names = "--path-prefix", paramLabel = "FROM=TO", description = "maps the paths in wav.scp")
    String pathPrefix;
  }

  static final class Models {
    @Option(names = "--speaker-encoder", paramLabel = "FILE", defaultValue = "builtin", description = "campplus.onnx (${DEFAULT-VALUE})")
    String speakerEncoder = "builtin";

    @Option(names = "--tokenizer", paramLabel = "DIR", defaultValue = "builtin", description = "Step-Audio-Tokenizer (${DEFAULT-VALUE})")
    String tokenizer = "builtin";

    @Option(names = "--init", paramLabel = "FILE", defaultValue = "builtin",
        description = "flow.pt to start from; builtin is a random start (${DEFAULT-VALUE})")
    String init = "builtin";

    @Option(names = "--vocoder", paramLabel = "FILE", defaultValue = "builtin",
        description = "hift.pt, for the audio of probes and report; builtin is Griffin-Lim (${DEFAULT-VALUE})")
    String vocoder = "builtin";
  }

  static final class Sharing {
    @Option(names = "--fit", description = "only what all shards need: the codebooks of the built-in tokenizer")
    boolean fit;

    @Option(names = "--shard", paramLabel = "I/N", description = "only this share of the utterances: 0/N … N-1/N")
    String shard;

    @Option(names = "--merge", description = "only the join of what the shards made; the result is that of a run without"
        + " shards, byte for byte")
    boolean merge;
  }

  static final class Training {
    @Option(names = "--engine", paramLabel = "NAME", defaultValue = "torch_ddp", description = "torch_ddp or deepspeed (${DEFAULT-VALUE})")
    String engine = "torch_ddp";

    @Option(names = "--deepspeed-config", paramLabel = "FILE", description = "a ds_stage2.json")
    Path deepspeedConfig;

    @Option(names = "--device", paramLabel = "NAME", defaultValue = "auto", description = "auto, cpu or cuda (${DEFAULT-VALUE})")
    String device = "auto";

    @Option(names = "--ranks", paramLabel = "N", defaultValue = "1",
        description = "processes of this machine that train together (${DEFAULT-VALUE}); in a cluster the operator starts them")
    int ranks = 1;

    @Option(names = "--gpus", paramLabel = "LIST",
        description = "such as 0,1,2,3: a process of this machine for each of these GPUs")
    String gpus;

    @Option(names = "--resume-from", paramLabel = "PATH", description = "the checkpoint to go on from, relative to the run directory")
    String resumeFrom;
  }

  static final class Averaging {
    @Option(names = "--num", paramLabel = "N", defaultValue = "5", description = "checkpoints to average (${DEFAULT-VALUE})")
    int num = 5;

    @Option(names = "--by", paramLabel = "HOW", defaultValue = "last",
        description = "last, valBest, or ema: the newest moving average (${DEFAULT-VALUE})")
    String by = "last";
  }

  static final class Checking {
    @Option(names = "--min-free-disk", paramLabel = "SIZE", defaultValue = "1Gi",
        description = "free space that the run directory's volume must have (${DEFAULT-VALUE})")
    String minFreeDisk = "1Gi";

    @Option(names = "--nccl", description = "measure how fast this rank's GPU exchanges gradients with the others'; run it on"
        + " every rank (WORLD_SIZE, LOCAL_RANK, … as in training)")
    boolean nccl;
  }

  static final class Version implements picocli.CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return Versions.all().entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toArray(String[]::new);
    }
  }

  /** Whether stage 4 is to run in processes of its own. */
  boolean startsRanks() {
    return training.ranks > 1 || training.gpus != null;
  }

  /** Of {@code --gpus}; empty without it. */
  List<String> gpus() {
    return training.gpus == null ? List.of() : List.of(training.gpus.split(","));
  }

  boolean validates() {
    return stage.equals("validate");
  }

  /** The stages to run, in order. {@code run} begins with the check. */
  List<Stage> wanted() {
    if (!stage.equals("run")) {
      return List.of(Stage.of(stage));
    }
    String[] ends = stages.split("-", 2);
    boolean range = ends.length == 2 && stages.matches("\\d+-\\d+");
    Stage from = Stage.of(range ? ends[0] : stages);
    Stage to = Stage.of(range ? ends[1] : stages);
    if (from.number() > to.number()) {
      throw new StageFailure(ExitCode.USAGE, "Usage", "--stages " + stages + " ends before it begins");
    }
    List<Stage> wanted = new ArrayList<>(List.of(Stage.CHECK));
    for (Stage s : Stage.values()) {
      if (s != Stage.CHECK && s.number() >= from.number() && s.number() <= to.number()) {
        wanted.add(s);
      }
    }
    return wanted;
  }

  /**
   * The step that an option names, or the shard that the pod of an Indexed Job is.
   *
   * @throws StageFailure exit code 2 when the stage has no such step
   */
  Step step(Map<String, String> env) {
    List<Step> given = new ArrayList<>();
    if (sharing.fit) {
      given.add(Step.FIT);
    }
    if (sharing.shard != null) {
      given.add(Step.Shard.parse(sharing.shard));
    }
    if (sharing.merge) {
      given.add(Step.MERGE);
    }
    demand(given.size() <= 1, "--fit, --shard and --merge are steps one after the other; give one of them");
    boolean shared = List.of("speaker-embedding", "speech-tokens", "parquet", "1", "2", "3").contains(stage);
    demand(given.isEmpty() || shared,
        "--fit, --shard and --merge belong to speaker-embedding, speech-tokens and parquet, not to " + stage);
    if (given.isEmpty() && shared && env.containsKey("FLOWTRAINING_SHARDS")) {
      return Step.Shard.parse(env.get("JOB_COMPLETION_INDEX") + "/" + env.get("FLOWTRAINING_SHARDS"));
    }
    return given.isEmpty() ? Step.WHOLE : given.getFirst();
  }

  /** @throws StageFailure exit code 2 for a value that no stage takes */
  StageOptions stageOptions(Map<String, String> env) {
    oneOf("--engine", training.engine, "torch_ddp", "deepspeed");
    oneOf("--by", averaging.by, "last", "valBest", "ema");
    if (!training.device.matches(DEVICES)) {
      throw usage("--device " + training.device + " is none of auto, cpu, cuda");
    }
    demand(training.ranks >= 1, "--ranks has to be at least 1, not " + training.ranks);
    demand(!startsRanks() || !env.containsKey("WORLD_SIZE"),
        "--ranks and --gpus start ranks, but this process is one already (WORLD_SIZE is set); give one or the other");
    demand(training.gpus == null || training.gpus.matches("\\d{1,4}(,\\d{1,4})*"),
        "--gpus " + training.gpus + " is no list of numbers such as 0,1,2,3");
    demand(training.gpus == null || gpus().stream().distinct().count() == gpus().size(),
        "--gpus " + training.gpus + " names a GPU twice");
    demand(training.gpus == null || training.ranks == 1 || training.ranks == gpus().size(),
        "--gpus " + training.gpus + " are " + (training.gpus == null ? 0 : gpus().size()) + " ranks, not --ranks "
            + training.ranks + "; leave --ranks out");
    demand(training.gpus == null || !training.device.equals("cpu") && !training.device.contains(":"),
        "--gpus and --device " + training.device + " exclude each other; leave --device out");
    demand(averaging.num >= 1, "--num has to be at least 1, not " + averaging.num);
    demand(data.dev == null || data.devFraction == null, "--dev and --dev-fraction exclude each other; give one of them");
    demand(data.devFraction == null || data.devFraction > 0 && data.devFraction < 1,
        "--dev-fraction has to be above 0 and below 1, not " + data.devFraction);
    demand(data.pathPrefix == null || data.pathPrefix.contains("="), "--path-prefix has to be FROM=TO");
    return new StageOptions(data.train, data.dev, data.devFraction, data.pathPrefix, models.speakerEncoder,
        models.tokenizer, models.init, models.vocoder, training.engine, training.deepspeedConfig, training.device,
        training.resumeFrom, averaging.num, averaging.by, rendezvousTimeout(env));
  }

  private static Duration rendezvousTimeout(Map<String, String> env) {
    String seconds = env.getOrDefault("FLOWTRAINING_RENDEZVOUS_TIMEOUT", "600"); // the operator says only others
    if (!seconds.matches("[1-9]\\d{0,6}")) {
      throw new StageFailure(ExitCode.USAGE, "InvalidEnvironment",
          "FLOWTRAINING_RENDEZVOUS_TIMEOUT=" + seconds + " is not a number of seconds");
    }
    return Duration.ofSeconds(Long.parseLong(seconds));
  }

  private static void oneOf(String option, String value, String... allowed) {
    demand(List.of(allowed).contains(value), option + " " + value + " is none of " + String.join(", ", allowed));
  }

  private static void demand(boolean holds, String message) {
    if (!holds) {
      throw usage(message);
    }
  }

  private static StageFailure usage(String message) {
    return new StageFailure(ExitCode.USAGE, "Usage", message);
  }
}
