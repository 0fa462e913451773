/**
 * The token2mel flow model: a token encoder that upsamples to mel frames, and a diffusion transformer (DiT) that
 * predicts the velocity of a flow from noise to mel.
 *
 * <p>Letters at the end of a name are its shape: B utterances, T tokens, F mel frames (2·T), C channels, M mel bins,
 * H heads, D channels of a head, P relative positions (2·T), 1 an axis that broadcasts.
 */
package dev.flowtraining.trainer.model;
