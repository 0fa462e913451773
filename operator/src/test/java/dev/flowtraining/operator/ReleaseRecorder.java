package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Writes what a release leaves behind, for {@link UpgradeIT}: {@code -Dtest=ReleaseRecorder -Drelease=0.2.0}. */
class ReleaseRecorder extends PlayedLife {

  @Test
  void twoRanksTrainInTheirSecondAttempt() throws Exception {
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ALL_STAGES + "  restartPolicy: {backoff: {initial: 1s, max: 1s}}\n");
    for (String stage : List.of("prepare-data", "speaker-embedding", "speech-tokens", "parquet")) {
      cluster.runStage("demo-" + stage);
    }
    cluster.run("demo-train-1");
    cluster.report("demo", "progress.json", progress(1, 0.2, 2, 50));
    cluster.await("demo", s -> s.training().checkpoint() != null);
    cluster.exit("demo-train-1-0", 0, 1, "Error",
        "{\"stage\":\"train\",\"rank\":0,\"reason\":\"Boom\",\"message\":\"m\"}");
    cluster.awaitPhase("demo", Phase.RESTARTING);
    cluster.letGo("demo-train-1");
    cluster.run("demo-train-2");
    cluster.report("demo", "progress.json", progress(2, 0.5, 5, 80));
    cluster.await("demo", s -> "50%".equals(s.progress()) && s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
    Release release = Release.of(System.getProperty("release"));
    release.record(cluster.client);
    Files.copy(Path.of(System.getProperty("crds.dir"), "flowtrainings.flowtraining.dev-v1.yml"), release.crd(),
        StandardCopyOption.REPLACE_EXISTING);
  }
}
