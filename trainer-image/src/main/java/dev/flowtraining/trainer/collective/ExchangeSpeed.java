package dev.flowtraining.trainer.collective;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Cuda;
import dev.flowtraining.trainer.torch.Tensors;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/**
 * What an exchange of gradients between GPUs was measured at. NCCL does not tell the way that it takes, but the ways lie
 * far apart: on H100s 343 GB/s through NVLink and 3 GB/s through sockets.
 *
 * @param ranks that took part
 * @param gigabytesPerSecond bus bandwidth, {@code 2·(n−1)/n · bytes / seconds} of an all-reduce: what the slowest link
 *     carries whatever the number of ranks
 */
public record ExchangeSpeed(int ranks, double gigabytesPerSecond) {
  private static final long ELEMENTS = 32L << 20;
  private static final int ROUNDS = 5;

  /** Ways between ranks, told from the speed. */
  public enum Way {
    NVLINK("NVLink", "NVLink", ""),
    PCIE("PCIe", "PCIe or shared memory", "for NVLink all ranks of a node have to see all its GPUs: gpuSharing: DeviceClaim"),
    NETWORK("Network", "a network", "ranks of one node should not need it: use gpuSharing: DeviceClaim with several gpusPerPod; "
        + "between nodes a faster network helps, or a larger accum_grad");

    private final String id;
    private final String title;
    private final String todo;

    Way(String id, String title, String todo) {
      this.id = id;
      this.title = title;
      this.todo = todo;
    }

    /** What would make it faster; empty where nothing is to be done. */
    public String todo() {
      return todo;
    }

    @Override
    public String toString() {
      return title;
    }
  }

  /** All ranks call it; the median of a few rounds. */
  public static ExchangeSpeed measure(Collective collective, Device device) {
    double[] seconds = new double[ROUNDS];
    try (NDManager manager = NDManager.newBaseManager(device, "PyTorch")) {
      NDArray buffer = manager.zeros(new Shape(ELEMENTS));
      for (int round = -1; round < ROUNDS; round++) { // the first one sets links up
        Cuda.synchronize();
        collective.barrier();
        long start = System.nanoTime();
        collective.allReduce(Tensors.memory(buffer));
        Cuda.synchronize();
        if (round >= 0) {
          seconds[round] = (System.nanoTime() - start) / 1e9;
        }
      }
    }
    Arrays.sort(seconds);
    // the same figure on every rank
    double mean = collective.allReduce(seconds[ROUNDS / 2])[0] / collective.worldSize();
    return of(collective.worldSize(), ELEMENTS * Float.BYTES, mean);
  }

  static ExchangeSpeed of(int ranks, long bytes, double seconds) {
    return new ExchangeSpeed(ranks, 2.0 * (ranks - 1) / ranks * bytes / seconds / 1e9);
  }

  public Way way() {
    return gigabytesPerSecond >= 60 ? Way.NVLINK : gigabytesPerSecond >= 6 ? Way.PCIE : Way.NETWORK;
  }

  /** For a progress report. */
  public Map<String, Object> fields() {
    return Map.of("way", way().id, "gigabytesPerSecond", Math.round(10 * gigabytesPerSecond) / 10.0);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%d ranks at %.1f GB/s: %s", ranks, gigabytesPerSecond, way());
  }
}
