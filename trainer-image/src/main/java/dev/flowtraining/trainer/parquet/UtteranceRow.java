package dev.flowtraining.trainer.parquet;

/**
 * One row of the training set, as CosyVoice writes it.
 *
 * @param audioData the original audio file, bytes as they were
 * @param wav where the file was
 * @param uttEmbedding this utterance's speaker embedding
 * @param spkEmbedding the unnormalised mean over the speaker's utterances
 * @param speechToken flat 2:3 interleave of vq02 and vq06 (+1024)
 */
public record UtteranceRow(
    String utt, byte[] audioData, String wav, String text, String spk, double[] uttEmbedding, double[] spkEmbedding,
    long[] speechToken) {}
