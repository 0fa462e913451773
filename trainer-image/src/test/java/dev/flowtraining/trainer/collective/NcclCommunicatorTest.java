package dev.flowtraining.trainer.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Cuda;
import dev.flowtraining.trainer.torch.Tensors;
import dev.flowtraining.trainer.torch.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Needs two GPUs: a thread for each rank. */
class NcclCommunicatorTest {
  private static final int RANKS = 2;

  @BeforeEach
  void devices() {
    Torch.start("cpu", 1);
    assumeTrue(Cuda.devices() >= RANKS, "two GPUs");
  }

  private interface Work {
    List<float[]> of(NcclCommunicator communicator, NDManager manager, int rank, long stream);
  }

  private static List<List<float[]>> onAllRanks(Work work) throws Exception {
    byte[] id = NcclCommunicator.uniqueId();
    try (ExecutorService pool = Executors.newFixedThreadPool(RANKS)) {
      List<Future<List<float[]>>> futures = new ArrayList<>();
      for (int r = 0; r < RANKS; r++) {
        int rank = r;
        Callable<List<float[]>> one = () -> {
          Device device = Torch.start("cuda:" + rank, 1);
          try (NcclCommunicator communicator = NcclCommunicator.join(id, RANKS, rank);
              NDManager manager = NDManager.newBaseManager(device, "PyTorch")) {
            return work.of(communicator, manager, rank, Cuda.currentStream(rank));
          }
        };
        futures.add(pool.submit(one));
      }
      List<List<float[]>> results = new ArrayList<>();
      for (Future<List<float[]>> future : futures) {
        results.add(future.get(60, TimeUnit.SECONDS));
      }
      return results;
    }
  }

  @Test
  void sumsPartsAndCopiesReachEveryRank() throws Exception {
    List<List<float[]>> results = onAllRanks((communicator, m, rank, stream) -> {
      NDArray sum = m.create(new float[] {1 + rank, 2, 3, 4});
      communicator.allReduce(Tensors.memory(sum), stream);
      NDArray summand = m.create(new float[] {1, 10 + rank, 100, 1000 + rank});
      NDArray part = m.create(new float[2]);
      communicator.reduceScatter(Tensors.memory(summand), Tensors.memory(part), stream);
      NDArray all = m.create(new float[4]);
      communicator.allGather(Tensors.memory(part), Tensors.memory(all), stream);
      NDArray copy = m.create(new float[] {rank, rank});
      communicator.broadcast(Tensors.memory(copy), 1, stream);
      assertThat(communicator.asyncError()).isNull();
      return List.of(sum.toFloatArray(), part.toFloatArray(), all.toFloatArray(), copy.toFloatArray());
    });
    for (int rank = 0; rank < RANKS; rank++) {
      assertThat(results.get(rank).get(0)).containsExactly(3, 4, 6, 8);
      assertThat(results.get(rank).get(2)).containsExactly(2, 21, 200, 2001);
      assertThat(results.get(rank).get(3)).containsExactly(1, 1);
    }
    assertThat(results.get(0).get(1)).containsExactly(2, 21);
    assertThat(results.get(1).get(1)).containsExactly(200, 2001);
  }

  @Test
  void anAbortEndsAWaitForAPeerThatNeverComes() throws Exception {
    List<List<float[]>> results = onAllRanks((communicator, m, rank, stream) -> {
      NDArray sum = m.create(new float[] {1, 2});
      communicator.allReduce(Tensors.memory(sum), stream); // both are connected now
      sum.toFloatArray();
      if (rank == 0) {
        Thread.ofPlatform().start(() -> {
          try {
            Thread.sleep(2000);
          } catch (InterruptedException e) {
            // at once, then
          }
          communicator.abort();
        });
        communicator.allReduce(Tensors.memory(sum), stream);
        sum.toFloatArray(); // would wait for ever
      } else {
        pause(3000);
        communicator.abort();
      }
      return List.of();
    });
    assertThat(results).hasSize(RANKS);
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
