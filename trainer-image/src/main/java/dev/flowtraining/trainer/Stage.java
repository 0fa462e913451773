package dev.flowtraining.trainer;

import java.util.Arrays;

/** The pipeline on one screen. Names are the same in the custom resource, the command line, the status and here. */
public enum Stage {
  CHECK(-1, "check"),
  PREPARE_DATA(0, "prepare-data"),
  SPEAKER_EMBEDDING(1, "speaker-embedding"),
  SPEECH_TOKENS(2, "speech-tokens"),
  PARQUET(3, "parquet"),
  TRAIN(4, "train"),
  AVERAGE(5, "average"),
  EXPORT(6, "export");

  private final int number;
  private final String id;

  Stage(int number, String id) {
    this.number = number;
    this.id = id;
  }

  public int number() {
    return number;
  }

  /** The name that users write and read, such as {@code speech-tokens}. */
  public String id() {
    return id;
  }

  /** A stage by its name or number. */
  public static Stage of(String nameOrNumber) {
    return Arrays.stream(values())
        .filter(s -> s.id.equals(nameOrNumber) || Integer.toString(s.number).equals(nameOrNumber))
        .findFirst()
        .orElseThrow(() -> new StageFailure(ExitCode.USAGE, "UnknownStage",
            "there is no stage '" + nameOrNumber + "'; the stages are 0-6 or "
                + String.join(", ", Arrays.stream(values()).map(Stage::id).toList())));
  }
}
