package dev.flowtraining.trainer;

/** What of a stage one process does. Only a {@link ShardedTask} has other steps than the whole. */
public sealed interface Step {
  Step WHOLE = new Whole();
  Step FIT = new Fit();
  Step MERGE = new Merge();

  /** All of it, one step after the other. */
  record Whole() implements Step {}

  /** What every shard needs and only the whole training set gives. */
  record Fit() implements Step {}

  /**
   * Its share of the parts.
   *
   * @param index 0 … count−1
   */
  record Shard(int index, int count) implements Step {
    public static final Shard ONLY = new Shard(0, 1);

    public Shard {
      if (index < 0 || index >= count) {
        throw new StageFailure(ExitCode.USAGE, "Usage",
            "--shard " + index + "/" + count + ": shards count from 0, so the last one is " + (count - 1) + "/" + count);
      }
    }

    /** @param text {@code I/N} */
    static Shard parse(String text) {
      if (!text.matches("\\d{1,6}/\\d{1,6}")) {
        throw new StageFailure(ExitCode.USAGE, "Usage", "--shard " + text + " is not I/N, such as 0/4 … 3/4");
      }
      String[] parts = text.split("/");
      return new Shard(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
    }

    /** Parts are dealt out one by one, so that long recordings, which often stand together, are shared too. */
    public boolean has(int part) {
      return part % count == index;
    }

    @Override
    public String toString() {
      return index + "/" + count;
    }
  }

  /** Joins the parts of all shards into the stage's result. */
  record Merge() implements Step {}
}
