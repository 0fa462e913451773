/** The loss on held-out utterances, for training, for the mean of checkpoints and for a fine-tune against its base. */
package dev.flowtraining.trainer.heldout;
