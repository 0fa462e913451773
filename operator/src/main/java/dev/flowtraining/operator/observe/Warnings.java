package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.observe.Observation.Warning;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What Kubernetes' events say of an attempt that does not start: that its Job cannot create pods, that a volume cannot
 * be mounted. For each such question the API server reads every event of the namespace, so a thousand attempts that
 * wait must not ask at once: they share a {@link Budget}, and in between the last answer holds.
 */
final class Warnings {

  /** An attempt is this old when it is first asked about, and its answer when it is asked about again. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int ANSWERS = 1000;

  /** @param of the Job and its pods, by name */
  private record Answer(Instant at, Map<String, Warning> of) {
  }

  private final KubernetesClient client;
  private final Map<String, Answer> answers = Collections.synchronizedMap(new LinkedHashMap<>() {
    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Answer> eldest) {
      return size() > ANSWERS;
    }
  });
  private final Budget budget = new Budget();

  Warnings(KubernetesClient client) {
    this.client = client;
  }

  /**
   * The last warning about the Job, if it lacks pods, and about each pod that has a node and does not run; what keeps
   * others from being placed their conditions tell.
   *
   * @param uids of Jobs and pods by name: events outlive their objects, and a deleted FlowTraining's had the same names
   */
  Map<String, Warning> about(FlowTraining ft, StageStatus stage, List<JobView> jobs, List<PodView> pods,
      Map<String, String> uids, Instant now) {
    Optional<JobView> job = jobs.stream().filter(j -> j.name().equals(stage.jobName())).findFirst();
    if (job.isEmpty() || !uids.containsKey(job.get().name()) || now.isBefore(job.get().created().plus(PATIENCE))) {
      return Map.of();
    }
    List<PodView> ofAttempt = pods.stream().filter(p -> p.stage() == stage.name() && p.step() == stage.jobStep()
        && p.attempt() == stage.attempt()).toList();
    List<String> silent = Stream.concat(
        Stream.of(job.get()).filter(j -> ofAttempt.size() < j.pods()).map(JobView::name),
        ofAttempt.stream().filter(p -> p.node() != null && !p.terminal() && !p.working()).limit(2).map(PodView::name))
        .filter(uids::containsKey).toList();
    String uid = uids.get(job.get().name());
    Answer last = answers.getOrDefault(uid, new Answer(Instant.EPOCH, Map.of()));
    if (!silent.isEmpty() && now.isAfter(last.at.plus(PATIENCE)) && budget.take(now)) {
      long start = System.nanoTime();
      try {
        Map<String, Warning> of = new HashMap<>();
        silent.forEach(name -> last(ft, name, uids.get(name)).ifPresent(w -> of.put(name, w)));
        last = new Answer(now, Map.copyOf(of));
        answers.put(uid, last);
      } finally {
        budget.spent(now, Duration.ofNanos(System.nanoTime() - start));
      }
    }
    return last.of;
  }

  private Optional<Warning> last(FlowTraining ft, String about, String uid) {
    return client.v1().events().inNamespace(ft.getMetadata().getNamespace())
        .withField("involvedObject.name", about).withField("involvedObject.uid", uid).withField("type", "Warning")
        .list().getItems().stream()
        .max((a, b) -> last(a).compareTo(last(b)))
        .map(e -> new Warning(e.getReason(), e.getMessage()));
  }

  private static String last(Event event) {
    return event.getLastTimestamp() == null ? event.getMetadata().getCreationTimestamp() : event.getLastTimestamp();
  }
}
