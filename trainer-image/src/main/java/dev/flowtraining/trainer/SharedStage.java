package dev.flowtraining.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A stage of one run, whose result another run may have shared, or may be at work on: then this run waits for it. Only a
 * stage that one process does as a whole is waited for; of shards every run does its own, and the first to end shares.
 */
final class SharedStage implements AutoCloseable {
  private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);
  /** A process that holds its lock and does not say that it lives is stopped; doing the work twice is safe. */
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final StageCache cache;
  private final StageContext context;
  private final Stage stage;
  private final String inputHash;
  private final List<Path> results;
  private RunLock turn;

  /** @param results what the stage makes; empty when it is not shared */
  SharedStage(StageCache cache, StageContext context, Stage stage, String inputHash, List<Path> results) {
    this.cache = cache;
    this.context = context;
    this.stage = stage;
    this.inputHash = inputHash;
    this.results = results;
  }

  /**
   * Takes over what another run did, or waits until nobody else does it; then the turn is this run's until it closes.
   *
   * @return the record of the result that the run directory now holds; empty when the work is this run's
   */
  Optional<StageRecord> adopt(Step step) throws IOException, InterruptedException {
    if (results.isEmpty()) {
      return Optional.empty();
    }
    Optional<StageRecord> shared = step instanceof Step.Shard ? adoptBesideOthers() : take();
    if (shared.isPresent() || !(step instanceof Step.Whole)) {
      return shared;
    }
    try {
      turn = await(cache.lock(stage, inputHash));
    } catch (IOException e) {
      context.progress().say(stage.id() + ": whether another run is at work on it cannot be told: " + e);
    }
    return take();
  }

  private Optional<StageRecord> take() throws IOException {
    Optional<StageRecord> shared = cache.adopt(stage, inputHash, context.layout(), results);
    if (shared.isPresent()) {
      shared.get().write(context.layout());
    }
    return shared;
  }

  /** Several shards of this run may find it at the same time. */
  private Optional<StageRecord> adoptBesideOthers() throws IOException, InterruptedException {
    if (!cache.has(stage, inputHash)) {
      return Optional.empty();
    }
    try (RunLock _ = await(context.layout().runLock())) {
      Optional<StageRecord> done = StageRecord.read(context.layout(), stage)
          .filter(r -> r.inputHash().equals(inputHash));
      return done.isPresent() ? done : take();
    }
  }

  void publish(StageRecord record, String madeBy) {
    if (!results.isEmpty()) {
      cache.publish(record, results, context.layout(), madeBy);
    }
  }

  void withdraw() throws IOException {
    if (!results.isEmpty()) {
      cache.withdraw(stage, inputHash);
    }
  }

  /** @return null when whoever has it is stopped */
  private RunLock await(Path lock) throws IOException, InterruptedException {
    Files.createDirectories(lock.getParent());
    RunLock.Holder me = RunLock.me(context.ranks(), stage.id());
    FileTime beat = null;
    long patience = 0;
    String other = "";
    while (true) {
      RunLock.Taken taken = RunLock.tryTake(lock, me, RunLock.WATCH);
      if (taken.lock() != null) {
        return taken.lock();
      }
      FileTime now = RunLock.lastBeat(lock);
      if (!now.equals(beat)) {
        beat = now;
        patience = System.nanoTime() + PATIENCE.toNanos();
      } else if (System.nanoTime() > patience) {
        context.progress().say(stage.id() + ": not waiting any longer for " + taken.by() + ", which does not stir");
        return null;
      }
      String waits = "waits for " + taken.by() + ", which does the same";
      if (!taken.by().equals(other)) {
        other = taken.by();
        context.progress().say(stage.id() + ": " + waits);
      }
      context.progress().update(stage, 0, waits);
      Thread.sleep(LOOK_AGAIN);
    }
  }

  @Override
  public void close() throws IOException {
    if (turn != null) {
      turn.close();
    }
  }
}
