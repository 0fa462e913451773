package dev.flowtraining.trainer;

import dev.flowtraining.trainer.config.FlowConfig;

/** Everything that a stage is given. */
public record StageContext(
    RunLayout layout, FlowConfig config, StageOptions options, Ranks ranks, Progress progress) {}
