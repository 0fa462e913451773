package dev.flowtraining.trainer.config;

import java.util.Map;

/**
 * What a user's file sets itself, without the preset under it.
 *
 * @param values by path, such as {@code train_conf.optim_conf.lr}
 * @param places by path: {@code file line n}
 */
public record OwnSettings(Map<String, Object> values, Map<String, String> places) {}
