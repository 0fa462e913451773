package dev.flowtraining.operator.e2e;

/** FlowTrainings of the tests: two ranks on the CPU, the tiny preset. */
final class Specs {

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
        """.formatted(train, config.indent(4).stripTrailing());
  }

  private Specs() {}
}
