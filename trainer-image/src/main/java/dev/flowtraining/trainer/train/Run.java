package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.vocoder.GriffinLim;
import dev.flowtraining.trainer.vocoder.Vocoder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How an attempt begins: fresh, from an initial checkpoint, or where the run was left. */
final class Run {
  private static final Logger LOG = LoggerFactory.getLogger(Run.class);
  private static final int LONGEST_PATH = 4096;

  private final StageContext context;
  private final Collective collective;
  private final Parameters parameters;
  private final String data;
  private final Map<String, String> settings;
  private final Checkpoints checkpoints;
  private final TrainLog log;

  Run(StageContext context, Engine engine, Collective collective, Parameters parameters, String data)
      throws IOException {
    this.context = context;
    this.collective = collective;
    this.parameters = parameters;
    this.data = data;
    settings = Settings.binding(engine);
    checkpoints = new Checkpoints(context.layout(), context.ranks().attempt());
    log = new TrainLog(context.layout(), context.ranks().attempt(), collective.rank() == 0);
  }

  record Start(Cursor cursor, Journal journal) {}

  Start start(Learner learner, Optional<Path> init) throws IOException {
    FlowConfig config = context.config();
    Optional<Checkpoints.Checkpoint> found = agreeOn(chosenByRankZero());
    int microBatches = config.trainConf().accumGrad() * collective.worldSize();
    Cursor cursor = found.isPresent() ? resume(found.get(), learner, microBatches) : fresh(init);
    String from = found.map(checkpoints::relative).orElse(null);
    Manifest common = new Manifest(null, null, null, microBatches, settings, data, from, null, null);
    Journal journal = new Journal(collective.rank() == 0, config, learner, log, context.progress(), checkpoints,
        common, new Probes(config, context.layout(), parameters, log, vocoder()));
    say(String.format(Locale.ROOT,
        "%,d of %,d parameters are trained, in %s; the optimizer holds %.1f MiB on each rank", parameters.trainedCount(), parameters.count(), parameters.precision(),
        learner.optimizer().bytes() / (double) (1 << 20)));
    log.metric("start", Map.of("epoch", cursor.epoch(), "step", cursor.step(), "ranks", collective.worldSize()));
    return new Start(cursor, journal);
  }

  /** Of the rank that makes the probes; the others need none, nor does a run without probes. */
  private Vocoder vocoder() {
    boolean probes = collective.rank() == 0 && context.config().probeConf().interval() > 0;
    return probes ? Vocoder.named(context.options().vocoder(), parameters.device()) : new GriffinLim();
  }

  private Cursor fresh(Optional<Path> init) throws IOException {
    FlowConfig.Train train = context.config().trainConf();
    parameters.initialise(train.seed());
    Optional<InitialWeights> weights = Optional.empty();
    if (init.isPresent()) {
      weights = Optional.of(InitialWeights.load(init.get(), parameters, context.config()));
    }
    if (weights.isPresent() && collective.rank() == 0) {
      weights.get().write(context.layout().initialWeights());
    }
    say("training starts from " + weights.map(InitialWeights::text).orElse("random weights") + ", " + parameters.count()
        + " parameters, " + collective.worldSize() + " rank(s)");
    return Cursor.START;
  }

  private Cursor resume(Checkpoints.Checkpoint checkpoint, Learner learner, int microBatches) {
    refuseOtherRun(checkpoint);
    parameters.load(StateDictFile.read(checkpoint.weights()), true);
    learner.load(StateDictFile.read(checkpoint.optimizer()));
    if (context.config().trainConf().emaDecay() > 0) {
      learner.optimizer().loadAverage(StateDictFile.read(checkpoint.average()));
    }
    Cursor cursor = checkpoint.cursor();
    say("training goes on from " + checkpoints.relative(checkpoint) + " at epoch " + cursor.epoch() + ", step "
        + cursor.step());
    if (cursor.stepInEpoch() > 0 && checkpoint.manifest().microBatchesPerStep() != microBatches) {
      say("the global batch has changed from " + checkpoint.manifest().microBatchesPerStep() + " to " + microBatches
          + " micro-batches: epoch " + cursor.epoch() + " starts over");
      return cursor.atEpochStart();
    }
    return cursor;
  }

  private void refuseOtherRun(Checkpoints.Checkpoint checkpoint) {
    List<String> differences = differences(checkpoint);
    if (!differences.isEmpty()) {
      throw new StageFailure(ExitCode.USAGE, "ConfigMismatch", "the checkpoint " + checkpoints.relative(checkpoint)
          + " is from another config: " + String.join("; ", differences)
          + ". Restore these settings to go on, or name no checkpoint to train anew");
    }
  }

  private List<String> differences(Checkpoints.Checkpoint checkpoint) {
    List<String> differences = Settings.differences(checkpoint.manifest().settings(), settings);
    if (!data.equals(checkpoint.manifest().data())) {
      differences.add("the training data is another");
    }
    return differences;
  }

  /** What was trained with other settings or data is kept aside: nothing of it is resumed from, averaged or reported. */
  private void setAside(Checkpoints.Checkpoint checkpoint, List<String> differences) throws IOException {
    Path aside = Aside.move(context.layout());
    say("the newest checkpoint, " + checkpoints.relative(checkpoint) + ", is from another config: "
        + String.join("; ", differences) + ". Training starts anew; what was there is kept in "
        + context.layout().root().relativize(aside));
  }

  /** Empty when there is nothing to go on from. Rank 0 alone looks: a shared volume may show ranks different things. */
  private String chosenByRankZero() throws IOException {
    if (collective.rank() != 0) {
      return "";
    }
    String named = context.options().resumeFrom();
    if (named == null || named.isBlank()) {
      return newestOfThisRun().map(checkpoints::relative).orElse("");
    }
    Optional<Checkpoints.Checkpoint> found = checkpoints.named(named, this::say);
    if (found.isEmpty()) {
      say("no checkpoint can be read, though " + named + " was asked for");
    }
    return found.map(checkpoints::relative).orElse("");
  }

  private Optional<Checkpoints.Checkpoint> newestOfThisRun() throws IOException {
    Optional<Checkpoints.Checkpoint> newest = checkpoints.newest(this::say);
    List<String> differences = newest.map(this::differences).orElse(List.of());
    if (differences.isEmpty()) {
      return newest;
    }
    setAside(newest.get(), differences);
    return Optional.empty();
  }

  private Optional<Checkpoints.Checkpoint> agreeOn(String path) throws IOException {
    MemorySegment shared = Arena.ofAuto().allocate(LONGEST_PATH);
    if (path.getBytes(StandardCharsets.UTF_8).length >= LONGEST_PATH) {
      throw new IOException("the path is too long: " + path);
    }
    shared.setString(0, path);
    collective.broadcast(shared, 0);
    String agreed = shared.getString(0);
    if (agreed.isEmpty()) {
      return Optional.empty();
    }
    Optional<Checkpoints.Checkpoint> found = checkpoints.named(agreed, LOG::warn);
    if (found.map(checkpoints::relative).filter(agreed::equals).isEmpty()) {
      throw new StageFailure(ExitCode.RETRYABLE, "CheckpointNotShared", "rank " + collective.rank() + " cannot read "
          + agreed + ", which rank 0 has chosen; ranks need one shared run directory");
    }
    return found;
  }

  private void say(String line) {
    LOG.info(line);
    log.say(line);
  }
}
