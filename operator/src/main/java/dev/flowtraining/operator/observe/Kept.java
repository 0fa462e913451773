package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.build.Names;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import io.fabric8.kubernetes.api.model.batch.v1.JobStatus;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the caches keep of Jobs and pods: what {@link Views} and {@link Nodes} read, a tenth of the objects. Ten thousand
 * FlowTrainings leave tens of thousands of them behind.
 */
public final class Kept {

  private static final String OURS = "flowtraining.dev/";
  private static final Set<String> CONDITIONS = Set.of("PodScheduled", "Ready", "DisruptionTarget");

  private Kept() {
  }

  public static Job of(Job job) {
    Job kept = new Job();
    kept.setMetadata(of(job.getMetadata()));
    JobSpec spec = new JobSpec();
    spec.setCompletions(job.getSpec().getCompletions());
    spec.setSuspend(job.getSpec().getSuspend());
    kept.setSpec(spec);
    if (job.getStatus() != null) {
      JobStatus status = new JobStatus();
      status.setFailed(job.getStatus().getFailed());
      status.setConditions(job.getStatus().getConditions());
      kept.setStatus(status);
    }
    return kept;
  }

  public static Pod of(Pod pod) {
    Pod kept = new Pod();
    kept.setMetadata(of(pod.getMetadata()));
    PodSpec spec = new PodSpec();
    spec.setNodeName(pod.getSpec().getNodeName());
    spec.setContainers(pod.getSpec().getContainers().stream().map(Kept::named).toList());
    kept.setSpec(spec);
    if (pod.getStatus() != null) {
      PodStatus status = new PodStatus();
      status.setPhase(pod.getStatus().getPhase());
      status.setReason(pod.getStatus().getReason());
      status.setMessage(pod.getStatus().getMessage());
      status.setConditions(pod.getStatus().getConditions().stream().filter(c -> CONDITIONS.contains(c.getType())).toList());
      status.setContainerStatuses(of(pod.getStatus().getContainerStatuses()));
      status.setInitContainerStatuses(of(pod.getStatus().getInitContainerStatuses()));
      kept.setStatus(status);
    }
    return kept;
  }

  /** Whether anything changed that is read: most updates are the Job controller's own book-keeping. */
  public static boolean changed(Job now, Job before) {
    return !unversioned(of(now)).equals(unversioned(of(before)));
  }

  public static boolean changed(Pod now, Pod before) {
    return !unversioned(of(now)).equals(unversioned(of(before)));
  }

  private static <R extends HasMetadata> R unversioned(R object) {
    object.getMetadata().setResourceVersion(null);
    return object;
  }

  private static ObjectMeta of(ObjectMeta meta) {
    ObjectMeta kept = new ObjectMeta();
    kept.setName(meta.getName());
    kept.setNamespace(meta.getNamespace());
    kept.setUid(meta.getUid());
    kept.setResourceVersion(meta.getResourceVersion());
    kept.setCreationTimestamp(meta.getCreationTimestamp());
    kept.setDeletionTimestamp(meta.getDeletionTimestamp());
    kept.setDeletionGracePeriodSeconds(meta.getDeletionGracePeriodSeconds());
    Map<String, String> labels = new LinkedHashMap<>();
    meta.getLabels().forEach((key, value) -> {
      if (key.startsWith(OURS) || key.equals(Names.INDEX)) {
        labels.put(key.intern(), value);
      }
    });
    kept.setLabels(labels);
    return kept;
  }

  private static Container named(Container container) {
    Container kept = new Container();
    kept.setName(container.getName().intern());
    return kept;
  }

  private static List<ContainerStatus> of(List<ContainerStatus> statuses) {
    return statuses.stream().map(status -> {
      ContainerStatus kept = new ContainerStatus();
      kept.setName(status.getName());
      kept.setState(status.getState());
      kept.setImageID(status.getImageID());
      return kept;
    }).toList();
  }
}
