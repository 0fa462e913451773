package dev.flowtraining.trainer.torch;

import ai.djl.Device;

/**
 * A second line of work on a device: what ranks exchange travels on it while a backward pass goes on. The CPU has only
 * one line, where all is done at once. Used by the thread whose operators it runs beside.
 */
public interface SideLine extends AutoCloseable {

  /** Starts work when what the main line was asked for is done; what the main line is asked for later may overtake it. */
  void run(Runnable work);

  /** What the main line is asked for from now on waits for what runs here. */
  void join();

  @Override
  void close();

  static SideLine of(Device device) {
    return device.isGpu() ? new Stream(device.getDeviceId()) : new None();
  }

  /** Of the CPU. */
  final class None implements SideLine {
    @Override
    public void run(Runnable work) {
      work.run();
    }

    @Override
    public void join() {}

    @Override
    public void close() {}
  }

  /** A stream before others: an exchange is short, and peers wait for it. */
  final class Stream implements SideLine {
    private final int device;
    private final Cuda.Stream side = Cuda.priorityStream();
    private final Cuda.Event asked = new Cuda.Event();
    private final Cuda.Event done = new Cuda.Event();

    private Stream(int device) {
      this.device = device;
    }

    @Override
    public void run(Runnable work) {
      asked.record(Cuda.currentStream(device));
      Cuda.Stream main = Cuda.switchTo(side);
      try {
        asked.holdBack(Cuda.currentStream(device));
        work.run();
        done.record(Cuda.currentStream(device));
      } finally {
        Cuda.switchTo(main);
      }
    }

    @Override
    public void join() {
      done.holdBack(Cuda.currentStream(device));
    }

    @Override
    public void close() {
      asked.close();
      done.close();
    }
  }
}
