package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

/** A run directory that is a volume of its own. One node alone has it, the one with the label {@link #LABEL}. */
final class SmallVolume implements AutoCloseable {
  static final String LABEL = "flowtraining.dev/small";

  private final KindCluster cluster;
  private final NodeProcesses nodes;
  private final CaseLog log;
  private final String node;
  private final String place;
  private boolean mounted;

  SmallVolume(KindCluster cluster, NodeProcesses nodes, CaseLog log, String run) {
    this.cluster = cluster;
    this.nodes = nodes;
    this.log = log;
    node = cluster.workingNode();
    place = cluster.onNodes(run);
  }

  void mount() {
    cluster.client.nodes().withName(node).edit(n -> {
      n.getMetadata().getLabels().put(LABEL, "true");
      return n;
    });
    assertThat(nodes.run(node, "mkdir -p " + place + " && mount -t tmpfs -o size=1200m,mode=777 none " + place + " 2>&1"))
        .isEmpty();
    mounted = true;
  }

  void fill(boolean up) {
    String ballast = place + "/ballast";
    String left = nodes.run(node, (up ? "cat /dev/zero > " + ballast : "rm " + ballast)
        + " 2>/dev/null; df -k --output=avail " + place + " | tail -1").strip();
    log.say((up ? "filled" : "emptied") + ", left are " + left + " KiB");
  }

  @Override
  public void close() {
    if (mounted) {
      nodes.run(node, "umount -l " + place);
    }
  }
}
