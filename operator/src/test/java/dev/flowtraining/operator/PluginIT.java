package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Artifact;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.build.Names;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.io.UncheckedIOException;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code kubectl flowtraining} against a real API server. Played are the time, and what needs a kubelet: a pod's start,
 * its logs, and commands in it. plugin/*.yaml are FlowTrainings, plugin/*.txt what is shown of them.
 */
@EnableKubeAPIServer
class PluginIT {

  private static final Path FOLDER = Path.of("src/test/resources/plugin");
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

  @KubeConfig
  static String kubeConfig;
  static KubernetesClient client;

  @TempDir
  Path scratch;
  private Plugin plugin;

  @BeforeAll
  static void install() {
    client = new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build();
    Crd.install(client);
    client.resource(new NamespaceBuilder(client.namespaces().withName("default").get()).editMetadata()
        .addToLabels("pod-security.kubernetes.io/enforce", "restricted").endMetadata().build()).update();
  }

  @BeforeEach
  void open() throws IOException {
    Path played = Files.createDirectories(scratch.resolve("played"));
    executable(played.resolve("kubectl"), KUBECTL.formatted(ClientBinary.of("kubectl")));
    executable(played.resolve("date"), DATE);
    plugin = new Plugin(scratch, played).with("LC_ALL", "C.UTF-8").with("PLAYED_ROOT", scratch.toString())
        .with("KUBECONFIG", Files.writeString(scratch.resolve("kubeconfig"), kubeConfig).toString());
  }

  @AfterEach
  void clean() {
    client.resources(FlowTraining.class).inNamespace("default").delete();
    client.pods().inNamespace("default").withGracePeriod(0).delete();
  }

  @ParameterizedTest
  @ValueSource(strings = {"running", "waiting", "failed", "succeeded"})
  void statusIsReadAtOneGlance(String name) throws Exception {
    stored(name);
    Plugin.Result shown = plugin.run("status", name);
    assertThat(shown.exit()).as(shown.err()).isZero();
    agrees(name + ".txt", shown.out());
    assertThat(shown.out().lines()).as("fits a terminal").allMatch(line -> line.length() <= 80);
  }

  @Test
  void aTerminalIsNotToldWhatToDo() throws Exception {
    FlowTraining failed = stored("failed");
    client.resource(failed).editStatus(ft -> {
      ft.setStatus(ft.getStatus().withTraining(ft.getStatus().training().withLastFailure(
          new LastFailure("train", 3, 1, "gpu-3", 1, "Odd",
              "\u001b[2J|%41\nstage|train", null))));
      return ft;
    });
    assertThat(plugin.run("status", "failed").out()).contains("[2J|%41 stage|train").doesNotContain("\u001b");
  }

  @Test
  void theWatchEndsAsTheRunDoes() throws Exception {
    stored("succeeded");
    stored("failed");
    assertThat(plugin.run("status", "succeeded", "--watch").exit()).isZero();
    assertThat(plugin.run("status", "failed", "-w").exit()).isEqualTo(1);
    FlowTraining running = stored("running");
    Process watch = plugin.start("status", "running", "--watch");
    PlayedCluster.await(() -> printed(), text -> text.contains("Running  train #2  43%  step 41200"));
    client.resource(running).editStatus(ft -> {
      ft.setStatus(ft.getStatus().withPhase(Phase.SUCCEEDED));
      return ft;
    });
    assertThat(plugin.end(watch).exit()).isZero();
    Process another = plugin.start("status", "waiting", "--watch");
    assertThat(plugin.end(another).err()).contains("no FlowTraining 'waiting'").contains("failed, running, succeeded");
  }

  @Test
  void aTerminalShowsAsMuchAsItHolds() throws Exception {
    stored("failed");
    Plugin.Result shown = plugin.inTerminal(12, 100, "status", "failed", "--watch");
    assertThat(shown.exit()).isEqualTo(1);
    assertThat(shown.out().lines()).hasSize(12).anyMatch(line -> line.contains("\u001b[31mFailed"))
        .anyMatch(line -> line.length() > 90 && line.contains("failed again after 1 restarts"));
    assertThat(shown.out()).as("no cursor, and again one").startsWith("\u001b[?25l").endsWith("\u001b[?25h");
    assertThat(plugin.with("NO_COLOR", "1").inTerminal(40, 80, "status", "failed").out()).doesNotContain("\u001b");
  }

  @Test
  void oneThatGoesEndsTheWatch() throws Exception {
    FlowTraining running = stored("running");
    Process watch = plugin.start("status", "running", "--watch");
    PlayedCluster.await(() -> printed(), text -> text.contains("Running"));
    client.resource(running).delete();
    Plugin.Result end = plugin.end(watch);
    assertThat(end.exit()).isEqualTo(1);
    assertThat(end.err()).contains("running is gone");
  }

  @Test
  void suspendAndResumeChangeTheWish() throws Exception {
    stored("running");
    assertThat(plugin.run("suspend", "running").out()).contains("saves a checkpoint first")
        .contains("kubectl flowtraining status running --watch").contains("kubectl flowtraining resume running");
    assertThat(spec("running").suspend()).isTrue();
    assertThat(plugin.run("suspend", "ft/running", "--wait", "--timeout=1s").err()).contains("not within 1s");
    assertThat(plugin.run("resume", "running", "-ndefault").out()).contains("status running --watch -n default");
    assertThat(spec("running").suspend()).isFalse();
    assertThat(plugin.run("resume", "running").out()).contains("is not suspended");
    stored("succeeded");
    assertThat(plugin.run("suspend", "succeeded").err()).contains("has ended (Succeeded)");
    assertThat(spec("succeeded").suspend()).isFalse();
  }

  @Test
  void aRerunIsAWishOfItsOwn() throws Exception {
    stored("succeeded");
    assertThat(plugin.run("rerun", "succeeded", "--from", "5").out()).contains("average and what comes after it");
    String first = spec("succeeded").stages().wish().orElseThrow();
    assertThat(first).startsWith("average/2");
    assertThat(spec("succeeded").stages().contains(Stage.PREPARE_DATA)).isTrue();
    Thread.sleep(1000);   // which the clock of the ids can tell
    plugin.run("rerun", "succeeded", "--from=average");
    assertThat(spec("succeeded").stages().wish().orElseThrow()).startsWith("average/2").isNotEqualTo(first);
    stored("running");
    assertThat(plugin.run("rerun", "running", "--from", "train").err()).contains("suspend running --wait");
    stored("failed");
    assertThat(plugin.run("rerun", "failed", "--from", "parquet").err()).as("the API server's own words")
        .contains("stages.rerunFrom is not among the stages that run");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "2 | unknown command statsu                    | statsu running",
      "2 | needs the name of a FlowTraining          | status",
      "2 | status has no option --stage              | status running --stage train",
      "2 | there is no stage 'trian': one of prepare | logs running --stage trian",
      "2 | --rank is a whole number                  | logs running --rank first",
      "2 | --attempt needs a value                   | logs running --attempt",
      "2 | unknown option --tail                     | logs running --tail=3",
      "2 | rerun needs --from STAGE                  | rerun running",
      "2 | artifacts pull NAME                       | artifacts running",
      "2 | too many words                            | status running waiting",
      "1 | there is none: -n names another one       | status running -n kube-system",
      "1 | has no artifacts: its phase is Running    | report running",
      "1 | no pod of train, attempt 1 is left        | logs running --previous",
      "1 | average of default/running has not started| logs running --stage average",
      "1 | context was not found                     | status running --context nowhere",
  })
  void whatCannotBeDoneIsAnErrorThatSaysWhatCan(int exit, String words, String arguments) throws Exception {
    stored("running");
    Plugin.Result result = plugin.run(arguments.split(" "));
    assertThat(result.exit()).as(result.err()).isEqualTo(exit);
    assertThat(result.err()).startsWith("error: ").contains(words);
    assertThat(result.out()).isEmpty();
  }

  @Test
  void usageTellsEveryCommand() throws Exception {
    Plugin.Result usage = plugin.run();
    assertThat(usage.exit()).isZero();
    assertThat(usage.out()).contains("status NAME", "logs NAME", "artifacts pull NAME", "report NAME", "suspend NAME",
        "resume NAME", "rerun NAME --from STAGE").isEqualTo(plugin.run("-h").out());
  }

  @Test
  void logsAreThoseOfTheLastAttemptOfTheStageAtWork() throws Exception {
    FlowTraining running = stored("running");
    pod(running, "running-train-2-1", Stage.TRAIN, 2, "1");
    pod(running, "running-parquet", Stage.PARQUET, 1, "0");
    String ours = "flowtraining.dev/name=running,flowtraining.dev/run-id=" + running.getMetadata().getUid();
    assertThat(plugin.run("logs", "running").out()).contains("logs -n default -l " + ours
        + ",flowtraining.dev/stage=train,flowtraining.dev/attempt=2 --all-containers").contains("--prefix");
    assertThat(plugin.run("logs", "running", "--rank", "3", "-f").out()).as("two ranks in a pod")
        .contains("attempt=2,batch.kubernetes.io/job-completion-index=1 --container rank-1").contains(" -f");
    assertThat(plugin.run("logs", "running", "--stage", "3", "--", "--since=1h").out())
        .contains("flowtraining.dev/stage=parquet,flowtraining.dev/attempt=1 ").contains("--since=1h")
        .doesNotContain("--prefix");
  }

  @Test
  void artifactsComeWholeOrNotAtAll() throws Exception {
    stored("succeeded");
    Path run = Files.createDirectories(scratch.resolve("workspace/default/succeeded/export"));
    Files.writeString(run.resolve("flow.pt"), "weights");
    Files.writeString(run.resolve("report.html"), "written by half");
    withArtifacts("succeeded", artifact("export/flow.pt", "weights"), artifact("export/report.html", "all of it"));

    Plugin.Result pulled = plugin.run("artifacts", "pull", "succeeded", "to");
    assertThat(pulled.exit()).isEqualTo(1);
    assertThat(pulled.err()).contains("report.html: 15 bytes of another content").contains("1 of 2");
    assertThat(scratch.resolve("to/export/flow.pt")).hasContent("weights");
    assertThat(scratch.resolve("to/export").toFile().list()).containsExactly("flow.pt");

    Files.writeString(run.resolve("report.html"), "all of it");
    Plugin.Result report = plugin.run("report", "succeeded");
    assertThat(report.exit()).as(report.err()).isZero();
    assertThat(report.out()).contains("succeeded-report.html");
    assertThat(scratch.resolve("succeeded-report.html")).hasContent("all of it");
    assertThat(client.pods().inNamespace("default").list().getItems()).as("left behind").isEmpty();
  }

  @Test
  void noArtifactLeavesTheFolder() throws Exception {
    stored("succeeded");
    for (String path : List.of("../flow.pt", "/etc/flow.pt", "export/../../flow.pt")) {
      withArtifacts("succeeded", artifact(path, "weights"));
      assertThat(plugin.run("artifacts", "pull", "succeeded").err()).contains("is no path in a run directory");
    }
  }

  @Test
  void endedInTheMiddleItLeavesNothing() throws Exception {
    stored("succeeded");
    withArtifacts("succeeded", artifact("export/flow.pt", "weights"));
    plugin.with("PLAYED_SLOW", "yes");
    Process pull = plugin.start("artifacts", "pull", "succeeded", "to");
    Path half = scratch.resolve("to/export/flow.pt.part");
    PlayedCluster.await(() -> half.toFile().length(), length -> length > 0);
    Pod reader = client.pods().inNamespace("default").list().getItems().getFirst();
    assertThat(reader.getSpec().getVolumes().getFirst().getPersistentVolumeClaim().getClaimName())
        .isEqualTo("succeeded-workspace");
    assertThat(reader.getSpec().getContainers().getFirst().getVolumeMounts()).allMatch(mount -> mount.getReadOnly());
    assertThat(reader.getSpec().getContainers().getFirst().getImage()).isEqualTo("flow-trainer:dev");
    pull.destroy();
    plugin.end(pull);
    PlayedCluster.await(() -> client.pods().inNamespace("default").list().getItems(), List::isEmpty);
    assertThat(half).doesNotExist();
  }

  @Test
  void kubectlCompletesIt() throws Exception {
    stored("running");
    stored("succeeded");
    assertThat(plugin.completions("re")).containsExactly("report", "resume", "rerun");
    assertThat(plugin.completions("status", "r")).containsExactly("running");
    assertThat(plugin.completions("logs", "running", "--stage", "sp"))
        .containsExactly("speaker-embedding", "speech-tokens");
  }

  private static FlowTraining stored(String name) throws IOException {
    FlowTraining wanted = YAML.unmarshal(Files.readString(FOLDER.resolve(name + ".yaml")), FlowTraining.class);
    FlowTraining created = client.resource(wanted).create();
    created.setStatus(wanted.getStatus());
    return client.resource(created).updateStatus();
  }

  private static FlowTrainingSpec spec(String name) {
    return client.resources(FlowTraining.class).inNamespace("default").withName(name).get().getSpec();
  }

  private static void withArtifacts(String name, Artifact... artifacts) {
    client.resources(FlowTraining.class).inNamespace("default").withName(name).editStatus(stored -> {
      stored.setStatus(stored.getStatus().withArtifacts(List.of(artifacts)));
      return stored;
    });
  }

  private static Artifact artifact(String path, String content) throws Exception {
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    return new Artifact(Path.of(path).getFileName().toString(), path, (long) bytes.length,
        HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
  }

  /** Of a stage, as far as the plugin looks for it. */
  private static void pod(FlowTraining ft, String name, Stage stage, int attempt, String index) {
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

  private String printed() {
    try {
      return Files.readString(scratch.resolve("out"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void executable(Path file, String script) throws IOException {
    Files.writeString(file, script);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static void agrees(String file, String text) throws IOException {
    if (Boolean.getBoolean("golden.write")) {
      Files.writeString(FOLDER.resolve(file), text);
    }
    assertThat(FOLDER.resolve(file)).content().isEqualTo(text);
  }
}
