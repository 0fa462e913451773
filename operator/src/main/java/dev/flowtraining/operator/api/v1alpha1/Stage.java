package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The pipeline. The names are the same in the resource, the command line of the trainer, the status and the code. */
public enum Stage {
  PREPARE_DATA(0, "prepare-data", "DataPrepared"),
  SPEAKER_EMBEDDING(1, "speaker-embedding", "SpeakerEmbeddingsExtracted"),
  SPEECH_TOKENS(2, "speech-tokens", "SpeechTokensExtracted"),
  PARQUET(3, "parquet", "ParquetWritten"),
  TRAIN(4, "train", "Trained"),
  AVERAGE(5, "average", "CheckpointsAveraged"),
  EXPORT(6, "export", "Exported");

  private final int number;
  private final String id;
  private final String condition;

  Stage(int number, String id, String condition) {
    this.number = number;
    this.id = id;
    this.condition = condition;
  }

  /** 0–6, as in {@code --stage}. */
  public int number() {
    return number;
  }

  @JsonValue
  public String id() {
    return id;
  }

  /** The type of the condition that is True when the stage is complete. */
  public String condition() {
    return condition;
  }

  /** Stages 0–3 read the audio on the data volume; later ones read the run directory only. */
  public boolean readsAudio() {
    return number <= PARQUET.number;
  }

  public boolean isTraining() {
    return this == TRAIN;
  }

  /** A stage by its name or its number; IllegalArgumentException lists what there is. */
  @JsonCreator
  public static Stage of(String nameOrNumber) {
    return find(nameOrNumber).orElseThrow(() -> new IllegalArgumentException("no stage '" + nameOrNumber
        + "': one of 0-6 or " + Arrays.stream(values()).map(Stage::id).toList()));
  }

  public static Optional<Stage> find(String nameOrNumber) {
    return Arrays.stream(values())
        .filter(s -> s.id.equals(nameOrNumber) || Integer.toString(s.number).equals(nameOrNumber))
        .findFirst();
  }

  /** In the order of the pipeline. */
  public static List<Stage> inOrder() {
    return List.of(values());
  }
}
