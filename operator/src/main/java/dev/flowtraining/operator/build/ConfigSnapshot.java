package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.decide.InputHash;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The user's YAML and DeepSpeed configuration as they were when the run began. It is immutable, so every content has a
 * name of its own; one that was deleted is made again before the next stage starts.
 */
public final class ConfigSnapshot {

  private ConfigSnapshot() {
  }

  /** Whether pods mount one. */
  public static boolean wanted(FlowTraining ft) {
    return ft.getSpec().config().inline() != null || ft.getSpec().config().configMapRef() != null
        || ft.getSpec().training().deepspeedConfig() != null;
  }

  /** Of a run that has begun. */
  public static String name(FlowTraining ft) {
    return name(ft, ft.getStatus().of(last(ft)).inputHash());
  }

  /** The last run's, by name only. */
  static Optional<ConfigMap> named(FlowTraining ft) {
    return wanted(ft) ? Optional.of(new ConfigMapBuilder().withMetadata(RunObjects.meta(ft, name(ft))).build())
        : Optional.empty();
  }

  /** At the beginning of a run; empty when there is nothing to keep. */
  static Optional<ConfigMap> begun(FlowTraining ft, Map<Stage, String> hashes, Optional<String> yaml) {
    return of(ft, name(ft, hashes.get(last(ft))), yaml);
  }

  /**
   * In a run: what it began with, as far as that is known.
   *
   * @param read the content of the ConfigMap that the spec names, if it had to be read again
   */
  static Optional<ConfigMap> again(FlowTraining ft, Optional<String> read) {
    boolean unknown = ft.getSpec().config().configMapRef() != null && read.isEmpty();
    return unknown ? Optional.empty()
        : of(ft, name(ft), read.or(() -> Optional.ofNullable(ft.getSpec().config().inline())));
  }

  private static Optional<ConfigMap> of(FlowTraining ft, String name, Optional<String> yaml) {
    Map<String, String> data = new TreeMap<>();
    yaml.ifPresent(text -> data.put("flow_model.yaml", text));
    if (ft.getSpec().training().deepspeedConfig() != null) {
      data.put("ds_config.json", ft.getSpec().training().deepspeedConfig());
    }
    return data.isEmpty() ? Optional.empty() : Optional.of(
        new ConfigMapBuilder().withMetadata(RunObjects.meta(ft, name)).withImmutable(true).withData(data).build());
  }

  private static String name(FlowTraining ft, String hash) {
    return Names.config(ft) + "-" + InputHash.ofSnapshot(ft.getSpec(), hash);
  }

  /** The hash of the last stage holds what the spec asks of all before it. */
  private static Stage last(FlowTraining ft) {
    return ft.getSpec().stages().last();
  }
}
