package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.StateDict;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.AccessDeniedException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What a run leaves behind: log, metrics, progress and checkpoints. Only rank 0's does anything. */
final class Journal {
  private final boolean writes;
  private final FlowConfig config;
  private final Learner learner;
  private final TrainLog log;
  private final Progress progress;
  private final Checkpoints checkpoints;
  /** What every manifest of this attempt says alike. */
  private final Manifest common;
  private final Probes probes;
  private final Map<String, Object> fields = new LinkedHashMap<>();
  private int stepsPerEpoch = 1;
  private double lossSum;
  private long frames;
  private double dataWait;
  private int steps;
  private long since = System.nanoTime();
  private double secondsPerStep = Double.NaN;
  private Trainer.Step lastStep;

  Journal(boolean writes, FlowConfig config, Learner learner, TrainLog log, Progress progress, Checkpoints checkpoints,
      Manifest common, Probes probes) {
    this.writes = writes;
    this.config = config;
    this.learner = learner;
    this.log = log;
    this.progress = progress;
    this.checkpoints = checkpoints;
    this.common = common;
    this.probes = probes;
  }

  void say(String line) {
    log.say(line);
  }

  void epochStarts(Cursor cursor, int steps) {
    stepsPerEpoch = Math.max(1, steps);
    // the time between epochs is validation's, not training's
    since = System.nanoTime();
    fields.put("epoch", cursor.epoch());
    fields.put("maxEpoch", config.trainConf().maxEpoch());
    if (cursor.bestCvLoss() != null) {
      fields.put("bestCvLoss", cursor.bestCvLoss());
    }
    publish(cursor);
  }

  void stepDone(Cursor cursor, Trainer.Step step) throws IOException {
    lastStep = step;
    if (!step.skipped()) {
      lossSum += step.loss();
      steps++;
    }
    frames += step.frames();
    dataWait += step.dataWait();
    FlowConfig.Train train = config.trainConf();
    if (cursor.step() % train.logInterval() == 0 || cursor.stepInEpoch() == stepsPerEpoch) {
      logSteps(cursor, step);
    }
    if (probes.dueAt(cursor)) {
      long before = System.nanoTime();
      probe(() -> probes.listen(cursor));
      since += System.nanoTime() - before; // the time is the probe's, not training's
    }
  }

  /** One rank makes the probes, but all have a part of the average that they may be of. */
  private void probe(Probe probe) throws IOException {
    learner.shown(() -> {
      if (writes) {
        probe.make();
      }
      return null;
    });
  }

  @FunctionalInterface
  private interface Probe {
    void make() throws IOException;
  }

  /** @param cvLoss when it was validated here, else null */
  void saveStep(Cursor cursor, Double cvLoss) throws IOException {
    save("step_" + cursor.step() + ".pt", cursor, cursor.epoch(), cvLoss);
  }

  /** Whether a checkpoint or a probe is due, for which the parameters must be those of this very step. */
  boolean looksAt(Cursor cursor) {
    return savesAt(cursor) || probes.dueAt(cursor);
  }

  boolean savesAt(Cursor cursor) {
    int every = config.trainConf().savePerStep();
    return every > 0 && cursor.step() % every == 0;
  }

  private void logSteps(Cursor cursor, Trainer.Step step) {
    double seconds = (System.nanoTime() - since) / 1e9;
    double loss = steps == 0 ? Double.NaN : lossSum / steps;
    double perSecond = frames / seconds;
    if (steps > 0) {
      double now = seconds / steps;
      secondsPerStep = Double.isNaN(secondsPerStep) ? now : 0.7 * secondsPerStep + 0.3 * now;
      fields.put("loss", loss);
    }
    fields.put("step", cursor.step());
    fields.put("learningRate", step.learningRate());
    fields.put("framesPerSecond", perSecond);
    log.say(String.format(Locale.ROOT,
        "epoch %d step %d (%d/%d) loss %.4f norm %.3f lr %.3g %.0f frames/s data wait %.0f %%", cursor.epoch(),
        cursor.step(), cursor.stepInEpoch(), stepsPerEpoch, loss, step.gradNorm(), step.learningRate(), perSecond,
        100 * dataWait / seconds));
    Map<String, Object> metric = new LinkedHashMap<>();
    metric.put("epoch", cursor.epoch());
    metric.put("step", cursor.step());
    metric.put("loss", loss);
    metric.put("grad_norm", step.gradNorm());
    metric.put("learning_rate", step.learningRate());
    metric.put("frames_per_second", perSecond);
    metric.put("data_wait", dataWait / seconds);
    log.metric("step", metric);
    publish(cursor);
    lossSum = 0;
    steps = 0;
    frames = 0;
    dataWait = 0;
    since = System.nanoTime();
  }

  void validated(Cursor cursor, double cvLoss, double constantLoss) {
    int epoch = cursor.epoch();
    log.say(String.format(Locale.ROOT,
        "epoch %d step %d validation loss %.4f (best %.4f, constant predictor %.4f)", epoch, cursor.step(), cvLoss,
        cursor.bestCvLoss(), constantLoss));
    Map<String, Object> metric = new LinkedHashMap<>();
    metric.put("epoch", epoch);
    metric.put("step", cursor.step());
    metric.put("cv_loss", cvLoss);
    metric.put("best_cv_loss", cursor.bestCvLoss());
    metric.put("cv_constant_loss", constantLoss);
    log.metric("validation", metric);
    fields.put("cvLoss", cvLoss);
    fields.put("bestCvLoss", cursor.bestCvLoss());
    since = System.nanoTime(); // the time of a validation is not training's
    publish(cursor);
  }

  /** @param cursor after the epoch that has just been trained */
  void epochDone(Cursor cursor, double cvLoss) throws IOException {
    int epoch = cursor.epoch() - 1; // upstream, too, counts the epoch that has just been trained
    save("epoch_" + epoch + "_whole.pt", cursor, epoch, cvLoss);
    publish(cursor);
  }

  /** The validation loss in chunks, beside the one that every checkpoint is judged by. */
  void streaming(Cursor cursor, double cvLoss) {
    log.say(String.format(Locale.ROOT, "epoch %d validation loss in streaming %.4f", cursor.epoch(), cvLoss));
    log.metric("streaming", Map.of("epoch", cursor.epoch(), "step", cursor.step(), "cv_streaming_loss", cvLoss));
  }

  /** Saves because of SIGTERM. @return the checkpoint's path, relative to the run directory */
  String stopping(Cursor cursor) throws IOException {
    log.say("asked to stop at step " + cursor.step());
    saveStep(cursor, null);
    publish(cursor);
    return fields.get("checkpoint") instanceof Map<?, ?> saved ? saved.get("path").toString() : "by rank 0";
  }

  void end(Trainer.Outcome outcome) throws IOException {
    probe(() -> probes.atTheEnd(outcome.cursor()));
    if (outcome.ending() == Ending.PATIENCE) {
      log.say(String.format(Locale.ROOT, "ended by patience after %d of %d epochs, at step %d: validations since the "
          + "best, %.4f: %d (train_conf.patience is %d)", outcome.cursor().epoch(), config.trainConf().maxEpoch(),
          outcome.cursor().step(), outcome.cursor().bestCvLoss(), outcome.cursor().validationsSinceBest(),
          config.trainConf().patience()));
    }
    log.say(String.format(Locale.ROOT, "done: validation loss %.4f, constant predictor %.4f (%.2f of it), with tokens "
        + "of other utterances %.4f (%.2f times)", outcome.cvLoss(), outcome.constantLoss(),
        outcome.cvLoss() / outcome.constantLoss(), outcome.shuffledLoss(), outcome.shuffledLoss() / outcome.cvLoss()));
    Map<String, Object> metric = new LinkedHashMap<>();
    metric.put("epoch", outcome.cursor().epoch());
    metric.put("step", outcome.cursor().step());
    metric.put("ended_by", outcome.ending().setting());
    metric.put("cv_loss", outcome.cvLoss());
    metric.put("cv_constant_loss", outcome.constantLoss());
    metric.put("cv_shuffled_loss", outcome.shuffledLoss());
    metric.put("skipped_steps", outcome.skippedSteps());
    log.metric("end", metric);
  }

  /** All ranks call it, since each may hold a part of the optimizer's state. */
  private void save(String name, Cursor cursor, int epoch, Double cvLoss) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      StateDict state = learner.state(arena);
      Optional<StateDict> average = learner.average(arena);
      if (writes) {
        save(name, cursor, epoch, cvLoss, state, average);
      }
    }
  }

  private void save(String name, Cursor cursor, int epoch, Double cvLoss, StateDict state, Optional<StateDict> average)
      throws IOException {
    StateDict weights = learner.parameters().stateDict();
    for (StateDict dict : average.map(a -> List.of(weights, a)).orElse(List.of(weights))) {
      dict.integers().put("epoch", (long) epoch);
      dict.integers().put("step", cursor.step());
    }
    Manifest manifest = new Manifest(name, cursor, cvLoss, common.microBatchesPerStep(), common.settings(),
        common.data(), common.resumedFrom(), null, null);
    Checkpoints.Checkpoint saved;
    try {
      saved = checkpoints.save(manifest, weights, state, average, yaml(epoch, cursor, cvLoss));
    } catch (AccessDeniedException e) {
      throw e;
    } catch (IOException e) {
      // worth another try: meanwhile somebody makes room, and the checkpoint before this one is still whole
      throw new StageFailure(ExitCode.RETRYABLE, "CheckpointNotWritten", "cannot write " + name + ": " + e.getMessage()
          + "; enlarge the volume or lower train_conf.keep_last. " + (fields.get("checkpoint") instanceof Map<?, ?> last
          ? "The last whole checkpoint is " + last.get("path") : "This attempt has saved no checkpoint before"), e);
    }
    checkpoints.prune(config.trainConf().keepLast(), config.trainConf().keepBest());
    String path = checkpoints.relative(saved);
    log.say("saved " + path);
    fields.put("checkpoint",
        Map.of("path", path, "step", cursor.step(), "epoch", epoch, "time", saved.manifest().time()));
  }

  /** The keys of CosyVoice's {@code init_info_dict} and {@code save_model} that averaging and people read. */
  private String yaml(int epoch, Cursor cursor, Double cvLoss) {
    boolean known = lastStep != null;
    return "batch_idx: " + Math.max(0, cursor.stepInEpoch() - 1) + "\n"
        + "epoch: " + epoch + "\n"
        + "grad_norm: " + yaml(known ? lastStep.gradNorm() : 0.0) + "\n"
        + "loss_dict:\n  loss: " + yaml(cvLoss != null ? cvLoss : known ? lastStep.loss() : Double.NaN) + "\n"
        + "lr: " + (known ? lastStep.learningRate() : 0.0) + "\n"
        + "model_dir: exp/flow_model\n"
        + "optim: " + config.trainConf().optim() + "\n"
        + "save_time: " + Instant.now().truncatedTo(ChronoUnit.SECONDS) + "\n"
        + "step: " + cursor.step() + "\n"
        + "tag: " + (cvLoss == null ? "TRAIN" : "CV") + "\n"
        + (config.trainConf().validateEma() ? "validated: ema\n" : "")
        + "train_engine: torch_ddp\n";
  }

  /** YAML has words of its own for what is no number; a step that was skipped may have them. */
  private static String yaml(double value) {
    return Double.isFinite(value) ? Double.toString(value)
        : Double.isNaN(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
  }

  private void publish(Cursor cursor) {
    if (!writes) {
      return;
    }
    int maxEpoch = config.trainConf().maxEpoch();
    double epochs = cursor.epoch() + (double) cursor.stepInEpoch() / stepsPerEpoch;
    if (!Double.isNaN(secondsPerStep)) {
      long left = (long) ((maxEpoch - epochs) * stepsPerEpoch * secondsPerStep);
      fields.put("estimatedCompletion",
          Instant.now().plusSeconds(Math.max(0, left)).truncatedTo(ChronoUnit.SECONDS).toString());
    }
    String message = String.format(
        "epoch %d/%d, step %d", Math.min(cursor.epoch() + 1, maxEpoch), maxEpoch, cursor.step());
    progress.update(Stage.TRAIN, Math.min(1, epochs / maxEpoch), message, Map.copyOf(fields));
  }
}
