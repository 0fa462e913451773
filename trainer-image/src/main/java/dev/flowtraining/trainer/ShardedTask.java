package dev.flowtraining.trainer;

import java.io.IOException;
import java.util.Optional;

/**
 * A stage that several processes may share: fitted once, then each shard for itself, then merged once. The result is the
 * same, byte for byte, whatever the number of shards, since the parts that are shared out do not depend on it.
 */
public interface ShardedTask extends StageTask {

  /**
   * Makes what every shard needs, unless it is there. Only one process may do this at a time.
   *
   * @return what was fitted, in words; empty when there is nothing to fit
   */
  default Optional<String> fit(StageContext context) throws IOException, InterruptedException {
    return Optional.empty();
  }

  /** Makes the parts of one shard that are not there. Other shards may be at work at the same time. */
  Share work(StageContext context, Step.Shard shard) throws IOException, InterruptedException;

  /** @throws StageFailure 66 {@code ShardsMissing} when parts are not there; names the shards */
  Result merge(StageContext context) throws IOException, InterruptedException;

  @Override
  default Result run(StageContext context) throws IOException, InterruptedException {
    fit(context);
    work(context, Step.Shard.ONLY);
    return merge(context);
  }

  /**
   * What a shard did.
   *
   * @param utterances of this shard
   * @param found of these, done before by a process that was interrupted
   */
  record Share(int utterances, int found) {
    public Share plus(Share other) {
      return new Share(utterances + other.utterances, found + other.found);
    }
  }
}
