package dev.flowtraining.trainer.validate;

import java.util.List;

/**
 * What was found out about an utterance.
 *
 * @param characters of the transcript
 * @param sound null when the audio cannot be decoded
 * @param tokens whole flat groups in order; null before stage 2 or when they are bad
 * @param frames mel frames that training will use; 0 without tokens
 * @param voice the utterance's speaker embedding; null before stage 1 or when it is bad
 * @param speaker the speaker's embedding, likewise
 */
record Facts(String utt, String spk, int characters, Sound sound, long[] tokens, int frames, double[] voice,
    double[] speaker, List<Finding> findings) {}
