package dev.flowtraining.trainer.validate;

/**
 * One thing that is wrong.
 *
 * @param split {@code train}, {@code dev}
 * @param subject the utterance, speaker, codebook or file
 * @param message what was found, in one line
 */
record Finding(Check check, String split, String subject, String message) {}
