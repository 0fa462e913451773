package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Commands on the nodes of a kind cluster, which are containers of Docker. A shell stays open on each, so that a signal
 * takes milliseconds: no signal reaches a container's first process from inside.
 */
final class NodeProcesses implements AutoCloseable {
  private static final String END = "--end--";

  private final Map<String, Shell> shells = new ConcurrentHashMap<>();
  private final Set<String> away = ConcurrentHashMap.newKeySet();

  private record Shell(Process process, Writer to, BufferedReader from) {
  }

  /** What the command printed. */
  String run(String node, String command) {
    Shell shell = shells.computeIfAbsent(node, NodeProcesses::open);
    synchronized (shell) {
      try {
        shell.to.write(command + "\necho " + END + "\n");
        shell.to.flush();
        StringBuilder said = new StringBuilder();
        for (String line = shell.from.readLine(); !END.equals(line); line = shell.from.readLine()) {
          assertThat(line).as("the shell on " + node + " has ended").isNotNull();
          said.append(line).append('\n');
        }
        return said.toString();
      } catch (IOException e) {
        throw new UncheckedIOException("the shell on " + node, e);
      }
    }
  }

  /** As the pod's node numbers it. */
  int pid(Pod pod) {
    String id = pod.getStatus().getContainerStatuses().getFirst().getContainerID().replaceFirst("^.*://", "");
    String pid = run(pod.getSpec().getNodeName(), "ctr -n k8s.io task ls 2>/dev/null | awk '$1 == \"" + id
        + "\" { print $2 }'").strip();
    assertThat(pid).as("the process of " + pod.getMetadata().getName()).isNotEmpty();
    return Integer.parseInt(pid);
  }

  /** A process that has ended in the meantime is no error, nor one whose node is away. */
  void signal(String node, String signal, int pid) {
    if (!away.contains(node)) {
      run(node, "kill -" + signal + " " + pid + " 2>/dev/null");
    }
  }

  /** Before its node is stopped or paused. */
  void away(String node) {
    away.add(node);
    forget(node);
  }

  void back() {
    away.clear();
  }

  private void forget(String node) {
    Shell shell = shells.remove(node);
    if (shell != null) {
      shell.process.destroyForcibly();
    }
  }

  private static Shell open(String node) {
    try {
      Process process = new ProcessBuilder("docker", "exec", "-i", node, "sh")
          .redirectError(ProcessBuilder.Redirect.DISCARD).start();
      return new Shell(process, process.outputWriter(StandardCharsets.UTF_8),
          process.inputReader(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    shells.keySet().forEach(this::forget);
  }
}
