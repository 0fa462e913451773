package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.Artifact;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.build.Names;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the plugin meets in {@link PluginIT}: FlowTrainings of plugin/*.yaml on a real API server, in a namespace that
 * enforces the restricted profile. Played are the time, and what needs a kubelet: a pod's start, its logs, and commands
 * in it.
 */
final class PlayedFlowTrainings {

  static final Path FOLDER = Path.of("src/test/resources/plugin");
  private static final KubernetesSerialization YAML = new KubernetesSerialization();
  private static final String KUBECTL = """
      #!/usr/bin/env bash
      case "$* " in
        flowtraining* | __complete*) exec %1$s "$@" ;;
        exec*) [ -z "${PLAYED_SLOW:-}" ] || { echo half; exec sleep 60; }; exec cat "$PLAYED_ROOT${!#}" ;;
        wait*condition=Ready*) ;;
        logs*) echo "$*" ;;
        *) exec %1$s "$@" ;;
      esac
      """;
  private static final String DATE = """
      #!/bin/sh
      [ "$*" != +%%s ] || exec echo %d
      exec /bin/date "$@"
      """.formatted(Instant.parse("2026-03-02T12:00:00Z").getEpochSecond());

  private final String kubeConfig;
  final KubernetesClient client;

  PlayedFlowTrainings(String kubeConfig) {
    this.kubeConfig = kubeConfig;
    client = new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build();
    Crd.install(client);
    client.resource(new NamespaceBuilder(client.namespaces().withName("default").get()).editMetadata()
        .addToLabels("pod-security.kubernetes.io/enforce", "restricted").endMetadata().build()).update();
  }

  /** @param scratch a folder for what it prints, and the root of the files that a pod is played to have */
  Plugin plugin(Path scratch) throws IOException {
    Path played = Files.createDirectories(scratch.resolve("played"));
    executable(played.resolve("kubectl"), KUBECTL.formatted(ClientBinary.of("kubectl")));
    executable(played.resolve("date"), DATE);
    return new Plugin(scratch, played).with("LC_ALL", "C.UTF-8").with("PLAYED_ROOT", scratch.toString())
        .with("KUBECONFIG", Files.writeString(scratch.resolve("kubeconfig"), kubeConfig).toString());
  }

  void clean() {
    client.resources(FlowTraining.class).inNamespace("default").delete();
    client.pods().inNamespace("default").withGracePeriod(0).delete();
  }

  FlowTraining stored(String name) throws IOException {
    FlowTraining wanted = YAML.unmarshal(Files.readString(FOLDER.resolve(name + ".yaml")), FlowTraining.class);
    FlowTraining created = client.resource(wanted).create();
    created.setStatus(wanted.getStatus());
    return client.resource(created).updateStatus();
  }

  FlowTrainingSpec spec(String name) {
    return client.resources(FlowTraining.class).inNamespace("default").withName(name).get().getSpec();
  }

  void withArtifacts(String name, Artifact... artifacts) {
    client.resources(FlowTraining.class).inNamespace("default").withName(name).editStatus(stored -> {
      stored.setStatus(stored.getStatus().withArtifacts(List.of(artifacts)));
      return stored;
    });
  }

  static Artifact artifact(String path, String content) throws Exception {
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    return new Artifact(Path.of(path).getFileName().toString(), path, (long) bytes.length,
        HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
  }

  /** Of a stage, as far as the plugin looks for it. */
  void pod(FlowTraining ft, String name, Stage stage, int attempt, String index) {
    Map<String, String> labels = new TreeMap<>(Names.labels(ft, stage, StageStep.WHOLE, attempt));
    labels.put("batch.kubernetes.io/job-completion-index", index);
    client.resource(new PodBuilder().withNewMetadata().withName(name).withNamespace("default").withLabels(labels)
        .endMetadata().withNewSpec()
        .withNewSecurityContext().withRunAsNonRoot().withRunAsUser(1000L).withNewSeccompProfile()
        .withType("RuntimeDefault").endSeccompProfile().endSecurityContext()
        .addNewContainer().withName("stage").withImage("flow-trainer:dev")
        .withNewSecurityContext().withAllowPrivilegeEscalation(false).withNewCapabilities().withDrop("ALL")
        .endCapabilities().endSecurityContext().endContainer().endSpec().build()).create();
    client.pods().inNamespace("default").withName(name).editStatus(pod ->
        new PodBuilder(pod).withNewStatus().withPhase("Running").endStatus().build());
  }

  private static void executable(Path file, String script) throws IOException {
    Files.writeString(file, script);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
