package dev.flowtraining.trainer;

import java.util.Map;

/**
 * This process's place in the training set.
 *
 * @param rank 0 … worldSize−1
 * @param attempt which start of the whole set this is, from 1
 * @param runId the FlowTraining's uid; a rendezvous refuses any other
 */
public record Ranks(
    int rank, int localRank, int worldSize, String masterAddr, int masterPort, int attempt, String runId) {

  /** Reads the variables that the operator sets; without WORLD_SIZE the process is alone, whichever pod it is in. */
  public static Ranks of(Map<String, String> env) {
    int localRank = number(env, "LOCAL_RANK", 0);
    int localWorldSize = number(env, "LOCAL_WORLD_SIZE", 1);
    int worldSize = number(env, "WORLD_SIZE", 1);
    int pod = env.containsKey("WORLD_SIZE") ? number(env, "JOB_COMPLETION_INDEX", 0) : 0;
    // a pod template cannot compute the rank, so it is computed here
    int rank = number(env, "RANK", pod * localWorldSize + localRank);
    if (rank < 0 || rank >= worldSize) {
      throw new StageFailure(ExitCode.USAGE, "InvalidRank",
          "rank " + rank + " is outside WORLD_SIZE " + worldSize
              + "; check JOB_COMPLETION_INDEX, LOCAL_WORLD_SIZE and LOCAL_RANK");
    }
    return new Ranks(rank, localRank, worldSize, env.getOrDefault("MASTER_ADDR", "127.0.0.1"),
        number(env, "MASTER_PORT", 29500), number(env, "FLOWTRAINING_ATTEMPT", 1),
        env.getOrDefault("FLOWTRAINING_RUN_ID", "local"));
  }

  private static int number(Map<String, String> env, String name, int otherwise) {
    String value = env.get(name);
    if (value == null || value.isBlank()) {
      return otherwise;
    }
    try {
      return Integer.parseInt(value.strip());
    } catch (NumberFormatException e) {
      throw new StageFailure(ExitCode.USAGE, "InvalidEnvironment", name + "=" + value + " is not a whole number");
    }
  }
}
