package dev.flowtraining.operator.e2e;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** Undisturbed runs: the others begin with their data, and must come to their weights. */
final class Calm implements AutoCloseable {
  private static final String NAME = "calm";

  final KindCluster cluster;
  final NodeProcesses nodes = new NodeProcesses();
  private final Map<Integer, Map<String, String>> weights = new HashMap<>();

  private Calm(KindCluster cluster) {
    this.cluster = cluster;
  }

  static Calm open(String purpose) throws IOException {
    Calm calm = new Calm(KindCluster.open(purpose));
    calm.cluster.speech("train", 24);
    calm.cluster.apply(NAME, Specs.faults(Specs.FAULTS_EPOCHS));
    calm.weights.put(Specs.FAULTS_EPOCHS, calm.weights(NAME));
    return calm;
  }

  /** After so many epochs: SHA-256 by file name. */
  synchronized Map<String, String> weights(int epochs) {
    return weights.computeIfAbsent(epochs, n -> {
      String name = NAME + "-" + n;
      prepare(name);
      cluster.apply(name, Specs.training(n));
      return weights(name);
    });
  }

  private Map<String, String> weights(String name) {
    FlowTrainingStatus end = cluster.awaitEnd(name, FaultedRun.PATIENCE.multipliedBy(2));
    KindCluster.assertSucceeded(end);
    return FaultedRun.weights(end);
  }

  /** Gives a run the data. */
  void prepare(String run) {
    cluster.prepared(nodes, NAME, run);
  }

  @Override
  public void close() {
    nodes.close();
    cluster.close();
  }
}
