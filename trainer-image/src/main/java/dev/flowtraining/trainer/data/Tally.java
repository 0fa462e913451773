package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Stage;

/** Counts what is done of a known total and reports it, at most once a second. */
public final class Tally {
  private static final long NANOS = 1_000_000_000L;

  private final Progress progress;
  private final Stage stage;
  private final int total;
  private int done;
  private long last = System.nanoTime();

  public Tally(Progress progress, Stage stage, int total) {
    this.progress = progress;
    this.stage = stage;
    this.total = total;
  }

  /** @param what is being done, in a word or two */
  public void add(int n, String what) {
    done += n;
    if (System.nanoTime() - last > NANOS) {
      last = System.nanoTime();
      progress.update(stage, done / (double) Math.max(1, total), what + " " + done + "/" + total);
    }
  }
}
