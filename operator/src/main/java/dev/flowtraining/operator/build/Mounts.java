package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.ClaimReference;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeBuilder;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.VolumeMountBuilder;
import java.util.ArrayList;
import java.util.List;

/** Where things lie in a stage pod. */
public final class Mounts {

  static final String DATA = "/data";
  static final String MODELS = "/models";
  static final String CONFIG_FILE = "/etc/flowtraining/flow_model.yaml";
  static final String DEEPSPEED_FILE = "/etc/flowtraining/ds_config.json";

  private static final String WORKSPACE = "/workspace";
  private static final String CONFIG = "/etc/flowtraining";
  private static final String TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount";
  private static final long TOKEN_SECONDS = 3600;

  private Mounts() {
  }

  /** {@code <namespace>/<name>} on the workspace volume. */
  static String runDirectory(FlowTraining ft) {
    return WORKSPACE + "/" + ft.getMetadata().getNamespace() + "/" + ft.getMetadata().getName();
  }

  /** Of all FlowTrainings of the namespace and claim; none of them can have a name that begins with a dot. */
  static String cache(FlowTraining ft) {
    return WORKSPACE + "/" + ft.getMetadata().getNamespace() + "/.cache";
  }

  /** The claim that holds the run directory. */
  public static String workspaceClaim(FlowTraining ft) {
    ClaimReference claim = ft.getSpec().workspace().volume().persistentVolumeClaim();
    return claim == null ? Names.workspace(ft) : claim.claimName();
  }

  static List<Volume> volumes(FlowTraining ft, Stage stage, boolean configMap) {
    FlowTrainingSpec spec = ft.getSpec();
    List<Volume> volumes = new ArrayList<>();
    volumes.add(claim("workspace", workspaceClaim(ft), false));
    if (mountsData(spec, stage)) {
      volumes.add(claim("data", spec.data().volume().persistentVolumeClaim().claimName(), true));
    }
    if (spec.models().volume() != null) {
      volumes.add(claim("models", spec.models().volume().persistentVolumeClaim().claimName(), true));
    }
    if (configMap) {
      volumes.add(new VolumeBuilder().withName("config").withNewConfigMap().withName(ConfigSnapshot.name(ft))
          .endConfigMap().build());
    }
    volumes.add(new VolumeBuilder().withName("tmp").withNewEmptyDir().endEmptyDir().build());
    if (stage.isTraining()) {
      volumes.add(new VolumeBuilder().withName("shm").withNewEmptyDir().withMedium("Memory").endEmptyDir().build());
    }
    volumes.add(token());
    return volumes;
  }

  /** The workspace alone, for what looks after a run without being a stage of it. */
  static List<Volume> besideRun(FlowTraining ft) {
    return List.of(claim("workspace", workspaceClaim(ft), false),
        new VolumeBuilder().withName("tmp").withNewEmptyDir().endEmptyDir().build());
  }

  static List<VolumeMount> whenCleaning() {
    return List.of(mount("workspace", WORKSPACE, false), mount("tmp", "/tmp", false));
  }

  /** Read-only by the mount, not by the volume: it may be attached for writing on the same node. */
  static List<VolumeMount> whenReading() {
    return List.of(mount("workspace", WORKSPACE, true), mount("tmp", "/tmp", false));
  }

  static List<VolumeMount> mounts(FlowTraining ft, Stage stage, boolean configMap, boolean withToken) {
    List<VolumeMount> mounts = new ArrayList<>();
    mounts.add(mount("workspace", WORKSPACE, false));
    if (mountsData(ft.getSpec(), stage)) {
      mounts.add(mount("data", DATA, true));
    }
    if (ft.getSpec().models().volume() != null) {
      mounts.add(mount("models", MODELS, true));
    }
    if (configMap) {
      mounts.add(mount("config", CONFIG, true));
    }
    mounts.add(mount("tmp", "/tmp", false));
    if (stage.isTraining()) {
      mounts.add(mount("shm", "/dev/shm", false));
    }
    if (withToken) {
      mounts.add(mount("token", TOKEN, true));
    }
    return mounts;
  }

  /** Later stages need Parquet only: a data volume that one node can mount does not bind them to that node. */
  private static boolean mountsData(FlowTrainingSpec spec, Stage stage) {
    return stage.readsAudio() && spec.data() != null;
  }

  /** What automountServiceAccountToken would mount, but the namespace, and for one container only. */
  private static Volume token() {
    return new VolumeBuilder().withName("token").withNewProjected()
        .addNewSource().withNewServiceAccountToken().withPath("token").withExpirationSeconds(TOKEN_SECONDS)
        .endServiceAccountToken().endSource()
        .addNewSource().withNewConfigMap().withName("kube-root-ca.crt").endConfigMap().endSource()
        .endProjected().build();
  }

  private static Volume claim(String name, String claim, boolean readOnly) {
    return new VolumeBuilder().withName(name).withNewPersistentVolumeClaim().withClaimName(claim)
        .withReadOnly(readOnly ? true : null).endPersistentVolumeClaim().build();
  }

  private static VolumeMount mount(String name, String path, boolean readOnly) {
    return new VolumeMountBuilder().withName(name).withMountPath(path).withReadOnly(readOnly ? true : null).build();
  }
}
