package dev.flowtraining.trainer.model;

/**
 * Everything random of one training forward but dropout. B utterances, C mel bins, F padded frames.
 *
 * @param t B times, uniform in [0, 1)
 * @param z B·C·F standard normals, row-major (B, C, F)
 * @param promptFrames how many first frames of the target are given as prompt, per utterance
 * @param dropConditions whether mu, speaker and prompt are zeroed together, per utterance
 */
public record Draws(float[] t, float[] z, int[] promptFrames, boolean[] dropConditions) {}
