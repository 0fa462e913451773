package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The fault matrix: the cases of every build, or those that {@code -Dfaults} names by the beginnings of their names,
 * or {@code -Dfaults=all}. Cases that do not disturb each other run side by side. With {@code -Dfaults.folder} the logs
 * are kept there, and a case that has passed is not run again.
 */
class FaultsE2E {
  private static final int SIDE_BY_SIDE = 4;
  private static final int TURNS = 3;

  private static Calm calm;
  private static ExecutorService pool;

  private final String asked = System.getProperty("faults", "");
  private final Path folder = Path.of(System.getProperty("faults.folder", "target/faults"));
  private final Path passed = folder.resolve("passed");

  @TestFactory
  Stream<DynamicTest> faults() throws IOException {
    List<FaultCase> cases = chosen();
    assertThat(cases).as("cases whose names begin with " + asked).isNotEmpty();
    Files.createDirectories(folder);
    List<String> done = System.getProperty("faults.folder") != null && Files.exists(passed)
        ? Files.readAllLines(passed) : List.of();
    Map<String, Callable<?>> plays = started(cases.stream().filter(c -> !done.contains(c.name())).toList());
    return cases.stream().map(c -> DynamicTest.dynamicTest(c.name(), () -> {
      Assumptions.assumeFalse(done.contains(c.name()), "passed before");
      try {
        plays.get(c.name()).call();
      } catch (ExecutionException e) {
        throw e.getCause();
      }
    }));
  }

  /** Those that have the cluster to themselves come last. */
  private List<FaultCase> chosen() {
    List<String> names = Arrays.asList(asked.split("[ ,]+"));
    return FaultMatrix.all().stream().filter(c -> asked.isEmpty() ? c.everyBuild()
            : asked.equals("all") || names.stream().anyMatch(c.name()::startsWith))
        .sorted(Comparator.comparing(FaultCase::alone)).toList();
  }

  /** What waits for the end of each case, by name. Those that run side by side are on their way. */
  private Map<String, Callable<?>> started(List<FaultCase> cases) throws IOException {
    Map<String, Callable<?>> plays = new HashMap<>();
    if (cases.isEmpty()) {
      return plays;
    }
    calm = Calm.open("faults");
    pool = Executors.newFixedThreadPool(SIDE_BY_SIDE);
    for (FaultCase each : cases) {
      Callable<Void> play = () -> {
        play(each);
        return null;
      };
      if (each.alone()) {
        plays.put(each.name(), play);
      } else {
        Future<Void> end = pool.submit(play);
        plays.put(each.name(), end::get);
      }
    }
    return plays;
  }

  private void play(FaultCase fault) throws Exception {
    CaseLog log = new CaseLog(folder, fault.name());
    Instant begin = Instant.now();
    try {
      playUntilMet(fault, log);
      log.say("passed in " + Duration.between(begin, Instant.now()).toSeconds() + " s");
      synchronized (FaultsE2E.class) {
        Files.writeString(passed, fault.name() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      }
    } catch (Throwable e) {
      KindCluster.Failures.note();
      log.say(e);
      evidence(fault, log);
      throw e;
    }
  }

  /** Anew, under another name, when the test came too late for the moment of the fault. */
  private static void playUntilMet(FaultCase fault, CaseLog log) throws Exception {
    for (int turn = 1; ; turn++) {
      String name = turn == 1 ? fault.name() : fault.name() + "-" + turn;
      try (var run = new FaultedRun(calm.cluster, calm.nodes, name, log)) {
        try {
          play(fault, name, run);
          return;
        } catch (FaultedRun.MissedMoment e) {
          if (turn == TURNS) {
            throw e;
          }
          log.say("missed: " + e.getMessage());
          run.delete();
        }
      }
    }
  }

  private static void play(FaultCase fault, String name, FaultedRun run) throws Exception {
    fault.before().befalls(run);
    if (fault.isPrepared()) {
      calm.prepare(name);
    }
    calm.cluster.apply(name, fault.spec());
    fault.fault().befalls(run);
    String last = fault.transitions().getLast();
    if (last.equals("Succeeded")) {
      FlowTrainingStatus end = calm.cluster.awaitEnd(name, FaultedRun.PATIENCE);
      KindCluster.assertSucceeded(end);
      assertThat(FaultedRun.weights(end)).as("SHA-256 of the weights").isEqualTo(calm.weights(fault.epochs()));
    }
    KindCluster.await(Duration.ofSeconds(10), "the last transition of " + name + " is seen",
        () -> run.transitions.steps().getLast().equals(last));
    assertThat(run.transitions.steps()).containsExactlyElementsOf(fault.transitions());
    run.transitions.assertHonest();
    if (last.equals("Succeeded")) {
      run.delete();
    }
  }

  /** What the cluster knows of it. */
  private static void evidence(FaultCase fault, CaseLog log) {
    KindCluster cluster = calm.cluster;
    try {
      log.say(KindCluster.describe(cluster.status(fault.name())));
      cluster.client.v1().events().inNamespace(cluster.namespace).list().getItems().stream()
          .filter(e -> e.getInvolvedObject().getName().startsWith(fault.name()))
          .forEach(e -> log.say(e.getLastTimestamp() + " " + e.getInvolvedObject().getName() + " " + e.getReason()
              + ": " + e.getMessage()));
      cluster.client.pods().inNamespace(cluster.namespace).withLabel("flowtraining.dev/name", fault.name())
          .resources().forEach(p -> log.say(p.get().getMetadata().getName() + " " + p.get().getStatus().getPhase()
              + "\n" + p.getLog()));
      cluster.operatorPods().resources().forEach(p -> log.say("operator\n" + p.tailingLines(200).getLog()));
    } catch (RuntimeException | AssertionError e) {
      log.say(e);
    }
  }

  @AfterAll
  static void close() {
    if (calm != null) {
      pool.shutdownNow();
      calm.close();
    }
  }
}
