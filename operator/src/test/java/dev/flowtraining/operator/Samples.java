package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.ClaimView;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.ContainerView;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Progress;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** A FlowTraining and what may be seen of it. */
public final class Samples {

  public static final Instant NOW = Instant.parse("2026-07-01T12:00:00Z");
  private static final KubernetesSerialization YAML = new KubernetesSerialization();

  private Samples() {
  }

  /** All stages, two ranks on the CPU, the spec's other parts as given (indented YAML below spec). */
  public static FlowTraining training(String more) {
    FlowTraining ft = YAML.unmarshal("""
        apiVersion: flowtraining.dev/v1alpha1
        kind: FlowTraining
        metadata: {name: demo, namespace: speech, uid: 11111111-2222-3333-4444-555555555555, generation: 1}
        spec:
          data:
            train: {path: train}
            devFraction: 0.05
            volume: {persistentVolumeClaim: {claimName: speech}}
          workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        """ + more.indent(2), FlowTraining.class);
    return ft;
  }

  public static FlowTraining cpu() {
    return training("config: {preset: tiny}\ntraining: {gpus: 2, device: cpu}\n");
  }

  public static FlowTraining with(FlowTraining ft, FlowTrainingStatus status) {
    ft.setStatus(status);
    return ft;
  }

  public static Observation nothing() {
    return new Observation(List.of(), List.of(), List.of(), claims(), ConfigSource.none(), Map.of(), Progress.none(),
        true);
  }

  public static Map<String, ClaimView> claims() {
    return Map.of("speech", new ClaimView("speech", true, List.of("ReadOnlyMany")),
        "flow-workspace", new ClaimView("flow-workspace", true, List.of("ReadWriteMany")));
  }

  public static Observation seeing(List<JobView> jobs, List<PodView> pods) {
    return new Observation(jobs, pods, List.of(), claims(), ConfigSource.none(), Map.of(), Progress.none(), true);
  }

  public static JobView job(Stage stage, int attempt) {
    return job(stage, StageStep.WHOLE, attempt, 1);
  }

  public static JobView job(Stage stage, StageStep step, int attempt, int pods) {
    return new JobView(Names.job(cpu(), stage, step, attempt), stage, step, attempt, pods, 0, NOW.minusSeconds(60), false,
        false, Optional.empty(), "");
  }

  public static JobView failed(JobView job, Instant at) {
    return new JobView(job.name(), job.stage(), job.step(), job.attempt(), job.pods(), job.failedPods(), job.created(),
        job.deleting(), false, Optional.of(at),
        "Job has reached the specified backoff limit");
  }

  public static JobView suspended(JobView job) {
    return new JobView(job.name(), job.stage(), job.step(), job.attempt(), job.pods(), job.failedPods(), job.created(),
        job.deleting(), false, Optional.empty(), "", true);
  }

  public static JobView complete(JobView job) {
    return new JobView(job.name(), job.stage(), job.step(), job.attempt(), job.pods(), job.failedPods(), job.created(),
        job.deleting(), true, Optional.empty(),
        "");
  }

  /** A pod of a Job with these containers. */
  public static PodView pod(JobView job, int index, ContainerView.State... states) {
    List<ContainerView> containers = IntStream.range(0, states.length)
        .mapToObj(i -> new ContainerView("rank-" + i, false, i, states[i])).toList();
    return new PodView(job.name() + "-" + index, job.stage(), job.step(), job.attempt(), index, "node-" + index, false,
        Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), containers);
  }

  public static PodView deleted(PodView p, Instant at) {
    return new PodView(p.name(), p.stage(), p.step(), p.attempt(), p.index(), p.node(), p.terminal(), Optional.of(at),
        Optional.of(at.plusSeconds(60)), p.disruption(), p.unschedulable(), p.containers());
  }

  public static PodView disrupted(PodView p, String reason, Instant at) {
    return new PodView(p.name(), p.stage(), p.step(), p.attempt(), p.index(), p.node(), p.terminal(),
        p.deletionRequested(), p.graceEnds(), Optional.of(new PodView.Disruption(reason, "taken away", at)), p.unschedulable(),
        p.containers());
  }

  public static PodView unschedulable(PodView p, String message) {
    return new PodView(p.name(), p.stage(), p.step(), p.attempt(), p.index(), p.node(), p.terminal(), p.deletionRequested(),
        p.graceEnds(), p.disruption(), Optional.of(message), List.of());
  }

  public static ContainerView.State running() {
    return new ContainerView.Running(NOW.minusSeconds(30));
  }

  public static ContainerView.State exited(int code, Instant at) {
    return new ContainerView.Terminated(code, "Error", "", at);
  }

  public static ContainerView.State exited(int code, String message, Instant at) {
    return new ContainerView.Terminated(code, "Error", message, at);
  }
}
