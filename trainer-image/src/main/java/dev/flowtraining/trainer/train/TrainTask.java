package dev.flowtraining.trainer.train;

import ai.djl.Device;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.batch.MicroBatches;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.collective.ExchangeSpeed;
import dev.flowtraining.trainer.collective.Nccl;
import dev.flowtraining.trainer.collective.Rendezvous;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Examples;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.heldout.HeldOutLoss;
import dev.flowtraining.trainer.heldout.Validation;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Passes;
import dev.flowtraining.trainer.torch.Cuda;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stage 4. Every rank runs it; rank 0 writes. */
public final class TrainTask implements StageTask {
  private static final Logger LOG = LoggerFactory.getLogger(TrainTask.class);

  private static final int FORMAT = 1;

  @Override
  public String inputHash(StageContext context) throws IOException {
    InputHash hash = InputHash.start().add("train").add(FORMAT)
        .add(Settings.all(engine(context)))
        .add(TrainingData.hash(context.layout(), context.config()));
    Optional<Path> init = init(context.options());
    return (init.isPresent() ? hash.file(init.get()) : hash.add("builtin")).hex();
  }

  @Override
  public Result run(StageContext given) throws IOException {
    Engine engine = engine(given);
    FlowConfig config = engine.config();
    StageContext context =
        new StageContext(given.layout(), config, given.options(), given.ranks(), given.progress());
    Device device = device(context);
    Precision precision = Precision.of(config.trainConf().precision(), device);
    Torch.use(precision);
    TrainingData data = TrainingData.open(context.layout(), config);
    String plan = InputHash.start().add(Settings.binding(engine)).add(data.hash())
        .add(data.train().frames().length).hex();
    Collective collective = join(context, plan.substring(0, 16), device);
    context.progress().update(Stage.TRAIN, 0, "the ranks have met", Map.of("ranks", collective.worldSize()));
    try (StopSignal stop = new StopSignal();
        Parameters parameters = Parameters.create(
            config.model(), device, precision, engine.layout(precision, collective.worldSize()))) {
      Map<String, Object> counts = train(context, engine, parameters, data, collective, stop);
      collective.close();
      return new Result(counts, outputHash(context.layout()));
    } catch (StageFailure e) {
      collective.abort(e.reason() + ": " + e.getMessage());
      throw e;
    } catch (IOException | RuntimeException | Error e) {
      collective.abort(e.toString());
      throw e;
    }
  }

  private static Map<String, Object> train(StageContext context, Engine engine, Parameters parameters,
      TrainingData data, Collective collective, StopSignal stop) throws IOException {
    FlowConfig config = engine.config();
    try (Learner learner = Learner.of(engine, parameters, collective)) {
      Run run = new Run(context, engine, collective, parameters, data.hash());
      Optional<Path> init = init(context.options());
      Run.Start start = run.start(learner, init);
      MicroBatches batches =
          new MicroBatches(data.train(), config, collective.worldSize(), collective.rank());
      Validation validation = new Validation(Validation.model(config, parameters), data.dev(), config, collective,
          stop::requested);
      if (init.isPresent() && start.cursor().equals(Cursor.START)) {
        judgeBase(context, parameters, data.dev(), collective, stop, start.journal());
      }
      Trainer.Outcome outcome;
      try (Passes passes = passes(config, parameters, learner.exchange())) {
        if (config.trainConf().worstBatchFirst()) {
          WorstBatches.of(batches.plan(start.cursor().epoch()).steps(), data.train().frames())
              .tryOut(batches, passes, config.trainConf().streaming() > 0, start.journal());
          collective.barrier();
        }
        outcome = new Trainer(engine, passes, learner, batches, validation, collective,
            start.journal(), stop::requested, start.cursor()).train();
      }
      Map<String, Object> counts = counts(outcome, parameters, data.train(), data.dev(), context.ranks());
      counts.put("optimizerBytesPerRank", learner.optimizer().bytes());
      HeldOutLoss.read(context.layout().baseLoss()).ifPresent(base -> counts.put("baseCvLoss", base.all()));
      data.replay().ifPresent(r -> counts.put("replayedPerEpoch", r.perEpoch()));
      return counts;
    }
  }

  /** What the fine-tune will be compared with: the model that it starts from, on the same held-out utterances. */
  private static void judgeBase(StageContext context, Parameters parameters, ParquetExamples dev,
      Collective collective, StopSignal stop, Journal journal) throws IOException {
    try {
      HeldOutLoss base =
          HeldOutLoss.of(context.layout(), context.config(), parameters, dev, collective, stop::requested);
      if (collective.rank() == 0) {
        base.write(context.layout().baseLoss());
      }
      journal.say("the model that training starts from has the validation loss " + base.text());
    } catch (Validation.StopRequested e) {
      collective.close();
      throw new StageFailure(ExitCode.TERMINATED, "Terminated", "asked to stop before the first step");
    }
  }

  private static Engine engine(StageContext context) throws IOException {
    return Engine.of(context.config(), context.options(), context.ranks().worldSize());
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    try {
      return new Checkpoints(context.layout(), context.ranks().attempt()).newest(line -> {}).isPresent();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void setAside(StageContext context) throws IOException {
    if (Files.isDirectory(context.layout().experiment())) {
      Aside.move(context.layout());
    }
  }

  private static Map<String, Object> counts(
      Trainer.Outcome outcome, Parameters parameters, Examples train, ParquetExamples dev, Ranks ranks) {
    Map<String, Object> counts = new LinkedHashMap<>();
    counts.put("epochs", outcome.cursor().epoch());
    counts.put("steps", outcome.cursor().step());
    counts.put("endedBy", outcome.ending().setting());
    counts.put("utterances", train.frames().length);
    counts.put("devUtterances", dev.frames().length);
    // of those that this rank loaded
    counts.put("droppedUtterances", train.dropped().size() + dev.dropped().size());
    counts.put("droppedByReason", train.droppedByReason());
    counts.put("parameters", parameters.count());
    counts.put("device", parameters.device().isGpu() ? parameters.device().toString() : "cpu");
    counts.put("ranks", ranks.worldSize());
    counts.put("cvLoss", outcome.cvLoss());
    counts.put("bestCvLoss", outcome.cursor().bestCvLoss() == null ? outcome.cvLoss() : outcome.cursor().bestCvLoss());
    counts.put("cvConstantLoss", outcome.constantLoss());
    counts.put("cvShuffledLoss", outcome.shuffledLoss());
    counts.put("skippedSteps", outcome.skippedSteps());
    return counts;
  }

  /** Stands for the checkpoints that there are to average, whichever attempt wrote them. */
  private static String outputHash(RunLayout layout) throws IOException {
    InputHash hash = InputHash.start().add("train");
    try (Stream<Path> files = Files.walk(layout.experiment(), 2)) {
      List<Path> weights = files.filter(f -> f.getFileName().toString().matches("(epoch_\\d+_whole|step_\\d+)\\.json"))
          .sorted().toList();
      for (Path manifest : weights) {
        hash.add(layout.root().relativize(manifest)).add(Manifest.read(manifest).files().getFirst().sha256());
      }
    }
    return hash.hex();
  }

  /** Where it is only said that it shall be a GPU, each rank of a machine takes its own. */
  private static Device device(StageContext context) {
    String asked = Optional.ofNullable(context.options().device()).orElse("auto");
    return Torch.start(asked, context.ranks().localRank(), context.config().trainConf().threads());
  }

  private static Collective join(StageContext context, String plan, Device device) {
    Collective hosts =
        Rendezvous.join(context.ranks(), plan, rendezvousTimeout(context.options()), peerTimeout());
    if (hosts.worldSize() == 1) {
      return hosts;
    }
    if (!device.isGpu()) {
      tell(context, hosts, "ranks have found each other", Map.of("way", "Sockets"));
      return hosts;
    }
    Collective nccl = Nccl.over(hosts, () -> Cuda.currentStream(device.getDeviceId()));
    ExchangeSpeed speed = ExchangeSpeed.measure(nccl, device);
    if (hosts.rank() == 0) {
      LOG.info("gradients go between {}", speed);
    }
    tell(context, hosts, "gradients go between " + speed, speed.fields());
    return nccl;
  }

  private static void tell(StageContext context, Collective hosts, String message, Map<String, Object> transport) {
    if (hosts.rank() == 0) {
      context.progress().update(Stage.TRAIN, 0, message, Map.of("transport", transport));
    }
  }

  private static Passes passes(FlowConfig config, Parameters parameters, Exchange exchange) {
    Double override = config.trainConf().dropout();
    FlowModel model =
        new FlowModel(config.model(), config.cfm(), parameters).chunks(config.trainConf().chunkSize());
    return Passes.of(model, parameters,
        override == null ? config.model().encoder().dropoutRate() : override,
        config.datasetConf().maxFramesInBatch(), config.trainConf().cudaGraphs(),
        config.trainConf().fusedKernels(), config.trainConf().activationCheckpointing())
        .tell(exchange.pieces(), exchange::gradientsFinal);
  }

  private static Duration rendezvousTimeout(StageOptions options) {
    return Optional.ofNullable(options.rendezvousTimeout()).orElse(Duration.ofMinutes(10));
  }

  private static Duration peerTimeout() {
    String seconds = System.getenv("FLOWTRAINING_PEER_TIMEOUT");
    try {
      return Duration.ofSeconds(seconds == null ? 20 : Math.max(1, Long.parseLong(seconds)));
    } catch (NumberFormatException e) {
      throw new StageFailure(ExitCode.USAGE, "InvalidEnvironment",
          "FLOWTRAINING_PEER_TIMEOUT=" + seconds + " is not a whole number of seconds");
    }
  }

  private static Optional<Path> init(StageOptions options) {
    if (options.init() == null || options.init().equals("builtin")) {
      return Optional.empty();
    }
    Path file = Path.of(options.init());
    if (!Files.isRegularFile(file)) {
      throw new StageFailure(ExitCode.MISSING, "ModelNotFound",
          "--init " + file + " is not there; give a checkpoint of the model, or builtin for random weights");
    }
    return Optional.of(file);
  }
}
