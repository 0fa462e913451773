package dev.flowtraining.operator.e2e;

/**
 * FlowTrainings of the tests: two ranks on the CPU, the tiny preset. Half the work of such short processes is
 * compilation, which is therefore left at its first level.
 */
final class Specs {

  static final int FAULTS_EPOCHS = 8;
  static final String FROM_TRAIN = "stages: {from: train}\n";

  static String tiny(String train, int epochs) {
    return tiny(train, "train_conf: {max_epoch: " + epochs + ", scheduler_conf: {warmup_steps: 20}}");
  }

  /** @param config YAML, laid on top of the preset */
  static String tiny(String train, String config) {
    return """
        data:
          train: {path: %s}
          devFraction: 0.1
          volume: {persistentVolumeClaim: {claimName: speech}}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        config:
          preset: tiny
          inline: |
        %s
        training: {device: cpu, gpus: 2}
        restartPolicy: {maxRestarts: 3, backoff: {initial: 1s, factor: 2, max: 5s}}
        template: {env: [{name: JAVA_TOOL_OPTIONS, value: -XX:TieredStopAtLevel=1 -XX:+UseSerialGC}]}
        """.formatted(train, config.indent(4).stripTrailing());
  }

  /** All stages, as short as they can be with a few checkpoints in them. */
  static String faults(int epochs) {
    return tiny("train", """
        dataset_conf: {max_frames_in_batch: 600}
        train_conf:
          max_epoch: %d
          log_interval: 1
          worst_batch_first: false
          scheduler_conf: {warmup_steps: 4}
        probe_conf: {interval: -1}
        """.formatted(epochs));
  }

  /** The same on data that is prepared already. */
  static String training(int epochs) {
    return faults(epochs) + FROM_TRAIN;
  }

  private Specs() {}
}
