/** What a forward pass is given: padded utterances with the random draws that are theirs, made ahead by threads. */
package dev.flowtraining.trainer.batch;
