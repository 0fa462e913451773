package dev.flowtraining.operator;

import static dev.flowtraining.operator.PlayedFlowTrainings.artifact;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code kubectl flowtraining} against a real API server. plugin/*.txt is what it shows of plugin/*.yaml. */
@EnableKubeAPIServer
class PluginIT {

  @KubeConfig
  static String kubeConfig;
  static PlayedFlowTrainings played;

  @TempDir
  Path scratch;
  private Plugin plugin;

  @BeforeAll
  static void install() {
    played = new PlayedFlowTrainings(kubeConfig);
  }

  @BeforeEach
  void open() throws IOException {
    plugin = played.plugin(scratch);
  }

  @AfterEach
  void clean() {
    played.clean();
  }

  @ParameterizedTest
  @ValueSource(strings = {"running", "waiting", "failed", "succeeded"})
  void statusIsReadAtOneGlance(String name) throws Exception {
    played.stored(name);
    Plugin.Result shown = plugin.run("status", name);
    assertThat(shown.exit()).as(shown.err()).isZero();
    agrees(name + ".txt", shown.out());
    assertThat(shown.out().lines()).as("fits a terminal").allMatch(line -> line.length() <= 80);
  }

  @Test
  void aTerminalIsNotToldWhatToDo() throws Exception {
    FlowTraining failed = played.stored("failed");
    played.client.resource(failed).editStatus(ft -> {
      ft.setStatus(ft.getStatus().withTraining(ft.getStatus().training().withLastFailure(
          new LastFailure("train", 3, 1, "gpu-3", 1, "Odd",
              "\u001b[2J|%41\nstage|train", null))));
      return ft;
    });
    assertThat(plugin.run("status", "failed").out()).contains("[2J|%41 stage|train").doesNotContain("\u001b");
  }

  @Test
  void theWatchEndsAsTheRunDoes() throws Exception {
    played.stored("succeeded");
    played.stored("failed");
    assertThat(plugin.run("status", "succeeded", "--watch").exit()).isZero();
    assertThat(plugin.run("status", "failed", "-w").exit()).isEqualTo(1);
    FlowTraining running = played.stored("running");
    Process watch = plugin.start("status", "running", "--watch");
    PlayedCluster.await(() -> printed(), text -> text.contains("Running  train #2  43%  step 41200"));
    played.client.resource(running).editStatus(ft -> {
      ft.setStatus(ft.getStatus().withPhase(Phase.SUCCEEDED));
      return ft;
    });
    assertThat(plugin.end(watch).exit()).isZero();
    Process another = plugin.start("status", "waiting", "--watch");
    assertThat(plugin.end(another).err()).contains("no FlowTraining 'waiting'").contains("failed, running, succeeded");
  }

  @Test
  void aTerminalShowsAsMuchAsItHolds() throws Exception {
    played.stored("failed");
    Plugin.Result shown = plugin.inTerminal(12, 100, "status", "failed", "--watch");
    assertThat(shown.exit()).isEqualTo(1);
    assertThat(shown.out().lines()).hasSize(12).anyMatch(line -> line.contains("\u001b[31mFailed"))
        .anyMatch(line -> line.length() > 90 && line.contains("failed again after 1 restarts"));
    assertThat(shown.out()).as("no cursor, and again one").startsWith("\u001b[?25l").endsWith("\u001b[?25h");
    assertThat(plugin.with("NO_COLOR", "1").inTerminal(40, 80, "status", "failed").out()).doesNotContain("\u001b");
  }

  @Test
  void oneThatGoesEndsTheWatch() throws Exception {
    FlowTraining running = played.stored("running");
    Process watch = plugin.start("status", "running", "--watch");
    PlayedCluster.await(() -> printed(), text -> text.contains("Running"));
    played.client.resource(running).delete();
    Plugin.Result end = plugin.end(watch);
    assertThat(end.exit()).isEqualTo(1);
    assertThat(end.err()).contains("running is gone");
  }

  @Test
  void suspendAndResumeChangeTheWish() throws Exception {
    played.stored("running");
    assertThat(plugin.run("suspend", "running").out()).contains("saves a checkpoint first")
        .contains("kubectl flowtraining status running --watch").contains("kubectl flowtraining resume running");
    assertThat(played.spec("running").suspend()).isTrue();
    assertThat(plugin.run("suspend", "ft/running", "--wait", "--timeout=1s").err()).contains("not within 1s");
    assertThat(plugin.run("resume", "running", "-ndefault").out()).contains("status running --watch -n default");
    assertThat(played.spec("running").suspend()).isFalse();
    assertThat(plugin.run("resume", "running").out()).contains("is not suspended");
    played.stored("succeeded");
    assertThat(plugin.run("suspend", "succeeded").err()).contains("has ended (Succeeded)");
    assertThat(played.spec("succeeded").suspend()).isFalse();
  }

  @Test
  void aRerunIsAWishOfItsOwn() throws Exception {
    played.stored("succeeded");
    assertThat(plugin.run("rerun", "succeeded", "--from", "5").out()).contains("average and what comes after it");
    String first = played.spec("succeeded").stages().wish().orElseThrow();
    assertThat(first).startsWith("average/2");
    assertThat(played.spec("succeeded").stages().contains(Stage.PREPARE_DATA)).isTrue();
    Thread.sleep(1000);   // which the clock of the ids can tell
    plugin.run("rerun", "succeeded", "--from=average");
    assertThat(played.spec("succeeded").stages().wish().orElseThrow()).startsWith("average/2").isNotEqualTo(first);
    played.stored("running");
    assertThat(plugin.run("rerun", "running", "--from", "train").err()).contains("suspend running --wait");
    played.stored("failed");
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
    played.stored("running");
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
    FlowTraining running = played.stored("running");
    played.pod(running, "running-train-2-1", Stage.TRAIN, 2, "1");
    played.pod(running, "running-parquet", Stage.PARQUET, 1, "0");
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
    played.stored("succeeded");
    Path run = Files.createDirectories(scratch.resolve("workspace/default/succeeded/export"));
    Files.writeString(run.resolve("flow.pt"), "weights");
    Files.writeString(run.resolve("report.html"), "written by half");
    played.withArtifacts("succeeded", artifact("export/flow.pt", "weights"),
        artifact("export/report.html", "all of it"));

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
    assertThat(played.client.pods().inNamespace("default").list().getItems()).as("left behind").isEmpty();
  }

  @Test
  void noArtifactLeavesTheFolder() throws Exception {
    played.stored("succeeded");
    for (String path : List.of("../flow.pt", "/etc/flow.pt", "export/../../flow.pt")) {
      played.withArtifacts("succeeded", artifact(path, "weights"));
      assertThat(plugin.run("artifacts", "pull", "succeeded").err()).contains("is no path in a run directory");
    }
  }

  @Test
  void endedInTheMiddleItLeavesNothing() throws Exception {
    played.stored("succeeded");
    played.withArtifacts("succeeded", artifact("export/flow.pt", "weights"));
    plugin.with("PLAYED_SLOW", "yes");
    Process pull = plugin.start("artifacts", "pull", "succeeded", "to");
    Path half = scratch.resolve("to/export/flow.pt.part");
    PlayedCluster.await(() -> half.toFile().length(), length -> length > 0);
    Pod reader = played.client.pods().inNamespace("default").list().getItems().getFirst();
    assertThat(reader.getSpec().getVolumes().getFirst().getPersistentVolumeClaim().getClaimName())
        .isEqualTo("succeeded-workspace");
    assertThat(reader.getSpec().getContainers().getFirst().getVolumeMounts()).allMatch(mount -> mount.getReadOnly());
    assertThat(reader.getSpec().getContainers().getFirst().getImage()).isEqualTo("flow-trainer:dev");
    pull.destroy();
    plugin.end(pull);
    PlayedCluster.await(() -> played.client.pods().inNamespace("default").list().getItems(), List::isEmpty);
    assertThat(half).doesNotExist();
  }

  @Test
  void kubectlCompletesIt() throws Exception {
    played.stored("running");
    played.stored("succeeded");
    assertThat(plugin.completions("re")).containsExactly("report", "resume", "rerun");
    assertThat(plugin.completions("status", "r")).containsExactly("running");
    assertThat(plugin.completions("logs", "running", "--stage", "sp"))
        .containsExactly("speaker-embedding", "speech-tokens");
  }

  private String printed() {
    try {
      return Files.readString(scratch.resolve("out"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void agrees(String file, String text) throws IOException {
    if (Boolean.getBoolean("golden.write")) {
      Files.writeString(PlayedFlowTrainings.FOLDER.resolve(file), text);
    }
    assertThat(PlayedFlowTrainings.FOLDER.resolve(file)).content().isEqualTo(text);
  }
}
