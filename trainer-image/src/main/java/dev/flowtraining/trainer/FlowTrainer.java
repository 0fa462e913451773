package dev.flowtraining.trainer;

import dev.flowtraining.trainer.average.AverageTask;
import dev.flowtraining.trainer.check.Check;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.export.ExportTask;
import dev.flowtraining.trainer.parquet.WriteParquet;
import dev.flowtraining.trainer.prepare.PrepareData;
import dev.flowtraining.trainer.progress.KubernetesConfigMap;
import dev.flowtraining.trainer.progress.RunReport;
import dev.flowtraining.trainer.progress.TerminationMessage;
import dev.flowtraining.trainer.speaker.SpeakerEmbedding;
import dev.flowtraining.trainer.tokens.SpeechTokens;
import dev.flowtraining.trainer.train.Engine;
import dev.flowtraining.trainer.train.LocalRanks;
import dev.flowtraining.trainer.train.TrainTask;
import dev.flowtraining.trainer.validate.Validate;
import java.io.IOException;
import java.time.Clock;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine;

/** {@code flow-trainer}: one switch over the stages, and one place where every way to end becomes an exit code. */
public final class FlowTrainer {
  /** Kubernetes gives 30 s between SIGTERM and SIGKILL unless told otherwise. */
  private static final int GRACE_SECONDS = 25;

  private final Map<String, String> env;
  private final AtomicBoolean said = new AtomicBoolean();
  private volatile RunReport report;
  private volatile Stage stage;
  private volatile int rank;

  FlowTrainer(Map<String, String> env) {
    this.env = env;
  }

  public static void main(String[] args) throws IOException {
    Locale.setDefault(Locale.ROOT); // numbers look the same everywhere
    Map<String, String> env = System.getenv();
    System.exit(args.length == 1 && args[0].equals(WarmUp.NAME) ? WarmUp.run(env) : new FlowTrainer(env).exitCode(args));
  }

  int exitCode(String... args) {
    CommandLineOptions options = new CommandLineOptions();
    PrintingCommand printing = args.length > 0 ? PrintingCommand.named(args[0]) : null;
    CommandLine line = new CommandLine(printing == null ? options : printing);
    CountDownLatch done = new CountDownLatch(1);
    try {
      line.parseArgs(printing == null ? args : Arrays.copyOfRange(args, 1, args.length));
      if (CommandLine.printHelpIfRequested(line.getParseResult())) {
        return ExitCode.DONE.code();
      }
      if (printing != null) {
        printing.run(System.out);
        return ExitCode.DONE.code();
      }
      onTermination(Thread.currentThread(), done, options);
      run(options, args);
      return ExitCode.DONE.code();
    } catch (CommandLine.ParameterException e) {
      return ended(new Failure(ExitCode.USAGE, "Usage", e.getMessage() + " (see flow-trainer --help)", true), e);
    } catch (Throwable t) { // an OutOfMemoryError is one of the ways to end
      return ended(Failure.of(t, options.runDir), t);
    } finally {
      if (report != null) {
        report.close();
      }
      done.countDown();
    }
  }

  private void run(CommandLineOptions options, String[] args) throws IOException, InterruptedException {
    Ranks ranks = Ranks.of(env);
    rank = ranks.rank();
    boolean terminal = System.console() != null && System.console().isTerminal();
    Step step = options.step(env);
    int writers = step instanceof Step.Shard shard ? shard.count() : 1;
    report = new RunReport(step instanceof Step.Shard shard ? "shard-" + shard.index() + ".json" : "progress.json",
        ranks.runId(), ranks.attempt(), System.out, terminal,
        rank == 0 ? KubernetesConfigMap.of(env, writers) : Optional.empty(), Clock.systemUTC());
    StageOptions stageOptions = options.stageOptions(env);
    RunLayout layout = new RunLayout(options.runDir.toAbsolutePath().normalize());
    if (options.validates()) {
      new Validate(layout, stageOptions, ConfigLoader.load(options.preset, options.config), System.out).run();
      return;
    }
    for (Stage wanted : options.wanted()) {
      stage = wanted;
      if (wanted == Stage.CHECK) {
        // loads the config itself: a config that does not load is one of its rows
        new Check(layout, options.preset, options.config, stageOptions, options.checking.minFreeDisk, options.checking.nccl, env)
            .run(System.out);
        continue;
      }
      if (wanted == Stage.TRAIN && options.startsRanks()) {
        LocalRanks.run(options.training.ranks, options.gpus(), FlowTrainer.class, args);
        continue;
      }
      FlowConfig config = ConfigLoader.load(options.preset, options.config);
      if (wanted == Stage.TRAIN) {
        Engine.demandAgreement(ConfigLoader.own(options.config), config, stageOptions);
      }
      StageContext context = new StageContext(layout, config, stageOptions, ranks, report);
      Optional<StageCache> cache = Optional.ofNullable(options.cache)
          .map(folder -> new StageCache(folder.toAbsolutePath().normalize(), report));
      new StageRunner(context, report, env, cache).run(wanted, task(wanted), step);
    }
  }

  private static StageTask task(Stage stage) {
    return switch (stage) {
      case CHECK -> throw new IllegalArgumentException("the check is no task: it has no result to keep");
      case PREPARE_DATA -> new PrepareData();
      case SPEAKER_EMBEDDING -> new SpeakerEmbedding();
      case SPEECH_TOKENS -> new SpeechTokens();
      case PARQUET -> new WriteParquet();
      case TRAIN -> new TrainTask();
      case AVERAGE -> new AverageTask();
      case EXPORT -> new ExportTask();
    };
  }

  /**
   * SIGTERM interrupts the stage and waits for it, so that training can save a checkpoint. An exhausted heap in a thread
   * that nobody waits for ends the process as one in the stage's own does; anything else there is told, and the stage
   * goes on.
   */
  private void onTermination(Thread stageThread, CountDownLatch done, CommandLineOptions options) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      if (done.getCount() == 0) {
        return; // an ordinary end
      }
      stageThread.interrupt();
      try {
        if (!done.await(GRACE_SECONDS, TimeUnit.SECONDS)) {
          ended(Failure.of(new InterruptedException(), null), null);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }, "termination"));
    Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
      Failure failure = Failure.of(thrown, options.runDir);
      if (failure.exitCode() == ExitCode.OUT_OF_MEMORY) {
        Runtime.getRuntime().halt(ended(failure, thrown));
      }
      System.err.print("Exception in thread " + thread.getName() + ": ");
      thrown.printStackTrace();
    });
  }

  /** Says once why the process ends. */
  private int ended(Failure failure, Throwable thrown) {
    if (said.compareAndSet(false, true)) {
      if (!failure.known()) {
        thrown.printStackTrace();
      }
      System.err.println("flow-trainer" + (stage == null ? "" : " " + stage.id()) + ": " + failure.reason() + ": "
          + failure.message());
      new TerminationMessage(stage == null ? null : stage.id(), rank, failure.reason(), failure.message(),
          report == null ? null : report.step().orElse(null)).write(env);
    }
    return failure.exitCode().code();
  }
}
