package dev.flowtraining.operator.observe;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.operator.build.Names;
import io.fabric8.kubernetes.api.model.ContainerStateBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the caches leave out nobody reads. */
class KeptTest {

  private static final String NOW = "2026-01-02T03:04:05Z";

  @Test
  void a_job_looks_the_same_and_is_smaller() throws IOException {
    Job job = train();
    job.getMetadata().setCreationTimestamp(NOW);
    job = new JobBuilder(job).withNewStatus().withFailed(1)
        .addNewCondition().withType("Failed").withStatus("True").withLastTransitionTime(NOW).withMessage("why")
        .endCondition().endStatus().build();
    assertThat(Views.job(Kept.of(job))).isEqualTo(Views.job(job));
    assertThat(size(Kept.of(job))).isLessThan(size(job) / 4);
  }

  @Test
  void a_pod_looks_the_same_and_is_smaller() throws IOException {
    var template = train().getSpec().getTemplate();
    Pod pod = new PodBuilder().withMetadata(template.getMetadata()).withSpec(template.getSpec())
        .editMetadata().withName("demo-train-2-1-abcde").withUid("u").withCreationTimestamp(NOW)
        .withDeletionTimestamp(NOW).withDeletionGracePeriodSeconds(30L)
        .addToLabels(Map.of(Names.INDEX, "1", "batch.kubernetes.io/controller-uid", "c")).endMetadata()
        .editSpec().withNodeName("worker").endSpec()
        .withNewStatus().withPhase("Failed").withReason("Evicted").withMessage("disk pressure")
        .addNewCondition().withType("Initialized").withStatus("True").endCondition()
        .addNewCondition().withType("PodScheduled").withStatus("False").withReason("Unschedulable")
        .withMessage("0/3 nodes").endCondition()
        .addNewCondition().withType("DisruptionTarget").withStatus("True").withReason("PreemptionByScheduler")
        .withLastTransitionTime(NOW).endCondition()
        .addNewInitContainerStatus().withName("check").withState(new ContainerStateBuilder().withNewTerminated()
            .withExitCode(0).withFinishedAt(NOW).endTerminated().build()).endInitContainerStatus()
        .addNewContainerStatus().withName("rank-0").withImageID("sha256:1").withState(new ContainerStateBuilder()
            .withNewTerminated().withExitCode(75).withMessage("lost").withFinishedAt(NOW).endTerminated().build())
        .endContainerStatus().endStatus().build();
    assertThat(Views.pod(Kept.of(pod))).isEqualTo(Views.pod(pod));
    assertThat(size(Kept.of(pod))).isLessThan(size(pod) / 2);
  }

  @Test
  void only_what_is_read_counts_as_a_change() throws IOException {
    Job before = train();
    Job counted = new JobBuilder(before).editMetadata().withResourceVersion("2").endMetadata()
        .withNewStatus().withActive(2).withReady(1).endStatus().build();
    Job empty = new JobBuilder(before).withNewStatus().endStatus().build();
    assertThat(Kept.changed(counted, Kept.of(empty))).isFalse();
    assertThat(Kept.changed(new JobBuilder(counted).editStatus().withFailed(1).endStatus().build(), Kept.of(empty))).isTrue();

    Pod pod = new PodBuilder().withMetadata(before.getSpec().getTemplate().getMetadata())
        .withSpec(before.getSpec().getTemplate().getSpec()).withNewStatus().withPhase("Running").endStatus().build();
    Pod released = new PodBuilder(pod).editMetadata().withResourceVersion("2").withFinalizers().endMetadata().build();
    assertThat(Kept.changed(released, Kept.of(pod))).isFalse();
    assertThat(Kept.changed(new PodBuilder(pod).editStatus().withPhase("Failed").endStatus().build(), Kept.of(pod))).isTrue();
    assertThat(Kept.changed(new PodBuilder(pod).editMetadata().withDeletionTimestamp(NOW).endMetadata().build(),
        Kept.of(pod))).isTrue();
  }

  private static Job train() throws IOException {
    try (InputStream golden = KeptTest.class.getResourceAsStream("/golden/train-2-ranks.yaml")) {
      String all = new String(golden.readAllBytes(), StandardCharsets.UTF_8);
      return Serialization.unmarshal(Arrays.stream(all.split("(?m)^---$")).filter(d -> d.contains("kind: \"Job\""))
          .findFirst().orElseThrow(), Job.class);
    }
  }

  private static int size(Object object) throws IOException {
    return new ObjectMapper().writeValueAsBytes(object).length;
  }
}
