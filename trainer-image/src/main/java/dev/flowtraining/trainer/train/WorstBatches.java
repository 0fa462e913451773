package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.batch.MicroBatch;
import dev.flowtraining.trainer.batch.MicroBatches;
import dev.flowtraining.trainer.model.Passes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * The batches of a plan that take the most memory: the one of the most padded frames, which counts for everything that
 * grows with frames, and the one of the most pairs of frames, which counts for attention.
 */
record WorstBatches(List<int[]> batches) {

  static WorstBatches of(List<List<int[]>> steps, int[] frames) {
    List<int[]> all = steps.stream().flatMap(List::stream).filter(b -> b.length > 0).toList();
    List<int[]> worst = new ArrayList<>();
    List<ToLongFunction<int[]>> sizes =
        List.of(b -> b.length * longest(b, frames), b -> b.length * longest(b, frames) * longest(b, frames));
    for (ToLongFunction<int[]> size : sizes) {
      all.stream().max(Comparator.comparingLong(size)).filter(b -> !worst.contains(b)).ifPresent(worst::add);
    }
    return new WorstBatches(List.copyOf(worst));
  }

  static long longest(int[] batch, int[] frames) {
    return Arrays.stream(batch).mapToLong(i -> frames[i]).max().orElse(0);
  }

  /** One forward and one backward pass with each, whose gradients are thrown away. */
  void tryOut(MicroBatches data, Passes passes, boolean streaming, Journal journal) {
    for (int[] batch : batches) {
      MicroBatch micro = data.make(batch, 0);
      if (!micro.isEmpty()) {
        journal.say("trying the largest batch first: " + micro.padded().size() + " utterance(s) of up to "
            + micro.padded().frames() + " frames");
        passes.begin();
        passes.run(micro.batch(), micro.draws(), 0, streaming);
      }
    }
    passes.begin();
  }
}
