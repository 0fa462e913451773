package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.util.List;

/** The processes of one attempt's ranks: they can be stopped for a while, and ended for good. */
final class Ranks {
  private final NodeProcesses nodes;
  private final List<Rank> all;

  private record Rank(Pod pod, String node, int pid) {
  }

  /** @param pods by rank, their containers running */
  Ranks(NodeProcesses nodes, List<Pod> pods) {
    this.nodes = nodes;
    all = pods.stream().map(p -> new Rank(p, p.getSpec().getNodeName(), nodes.pid(p))).toList();
  }

  Pod pod(int rank) {
    return all.get(rank).pod;
  }

  String node(int rank) {
    return all.get(rank).node;
  }

  /** Rank 1's, where rank 0 is not. */
  String otherNode() {
    assertThat(node(1)).as("two ranks on two nodes").isNotEqualTo(node(0));
    return node(1);
  }

  void stop(int rank) {
    signal("STOP", all.get(rank));
  }

  void stopAll() {
    all.forEach(r -> signal("STOP", r));
  }

  void goOnAll() {
    all.forEach(r -> signal("CONT", r));
  }

  void goOn(int rank) {
    signal("CONT", all.get(rank));
  }

  /**
   * Lets a stopped rank run for some milliseconds at a time, until it is where it shall be.
   *
   * @param sign a shell command on its node that succeeds then; asked twice, since a signal takes its time to stop a
   *     process of many threads
   */
  void creep(int rank, String sign) {
    int pid = all.get(rank).pid;
    nodes.run(node(rank), "i=0; while [ $i -lt 5000 ] && kill -CONT " + pid + " 2>/dev/null; do "
        + "i=$((i + 1)); sleep 0.005; kill -STOP " + pid + "; if " + sign + " && sleep 0.05 && " + sign
        + "; then break; fi; done");
  }

  void kill(int rank) {
    signal("KILL", all.get(rank));
  }

  private void signal(String signal, Rank rank) {
    nodes.signal(rank.node, signal, rank.pid);
  }
}
