package dev.flowtraining.trainer.bench;

import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.torch.Cuda;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How long the passes of each step take a GPU, so that it shows what ranks wait for: one another, or their exchange. */
final class PassClock implements AutoCloseable {
  private final int device;
  private final List<Cuda.Event> begins = new ArrayList<>();
  private final List<Cuda.Event> ends = new ArrayList<>();

  /**
   * Milliseconds of passes in a step.
   *
   * @param mean over ranks and steps
   * @param slowest of the slowest rank of each step, the mean over steps
   */
  record Times(double mean, double slowest) {}

  PassClock(int device) {
    this.device = device;
  }

  void stepBegins() {
    mark(begins);
  }

  void passesEnd() {
    mark(ends);
  }

  private void mark(List<Cuda.Event> marks) {
    Cuda.Event event = new Cuda.Event();
    event.record(Cuda.currentStream(device));
    marks.add(event);
  }

  /** Of the last steps, which the device has done; all ranks call it. */
  Times ofLast(int steps, Collective collective) {
    int ranks = collective.worldSize();
    double[] all = new double[steps * ranks];
    int first = begins.size() - steps;
    for (int i = 0; i < steps; i++) {
      all[i * ranks + collective.rank()] = ends.get(first + i).since(begins.get(first + i));
    }
    double[] known = collective.allReduce(all);
    double slowest = 0;
    for (int i = 0; i < steps; i++) {
      slowest += Arrays.stream(known, i * ranks, (i + 1) * ranks).max().orElseThrow();
    }
    return new Times(Arrays.stream(known).average().orElseThrow(), slowest / steps);
  }

  @Override
  public void close() {
    begins.forEach(Cuda.Event::close);
    ends.forEach(Cuda.Event::close);
  }
}
