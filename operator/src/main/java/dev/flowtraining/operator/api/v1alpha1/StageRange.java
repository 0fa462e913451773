package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.IntOrString;
import java.util.Optional;

/** The stages that run, both ends included. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = StageRange.KNOWN_FROM + " && " + StageRange.KNOWN_TO,
    message = "stages.from and stages.to are each one of prepare-data, speaker-embedding, speech-tokens, parquet, "
        + "train, average, export, or a number 0-6")
@ValidationRule(
    value = "!has(self.rerunFrom) || " + StageRange.KNOWN_RERUN,
    message = "stages.rerunFrom is one of prepare-data, speaker-embedding, speech-tokens, parquet, train, average, "
        + "export, or a number 0-6")
@ValidationRule(
    value = "!has(self.rerunFrom) || !(" + StageRange.KNOWN_FROM + " && " + StageRange.KNOWN_TO + " && "
        + StageRange.KNOWN_RERUN + ") || (" + StageRange.NUMBER_RERUN + " >= " + StageRange.NUMBER_FROM + " && "
        + StageRange.NUMBER_RERUN + " <= " + StageRange.NUMBER_TO + ")",
    message = "stages.rerunFrom is not among the stages that run: it lies between stages.from and stages.to")
@ValidationRule(
    value = "!has(self.rerunId) || has(self.rerunFrom)",
    message = "stages.rerunId belongs to stages.rerunFrom: say from which stage to run again")
@ValidationRule(
    value = "!(" + StageRange.KNOWN_FROM + " && " + StageRange.KNOWN_TO + ") || "
        + StageRange.NUMBER_FROM + " <= " + StageRange.NUMBER_TO,
    message = "stages.from comes after stages.to: the pipeline runs prepare-data, speaker-embedding, speech-tokens, "
        + "parquet, train, average, export in this order")
public record StageRange(
    @JsonPropertyDescription("The first stage that runs: prepare-data, speaker-embedding, speech-tokens, parquet, "
        + "train, average, export, or 0-6. What earlier stages would have written must be in the run directory.")
    IntOrString from,

    @JsonPropertyDescription("The last stage that runs: a name or 0-6, as in from.")
    IntOrString to,

    @JsonPropertyDescription("A stage that is done again, and all after it, though nothing has changed. A wish is "
        + "granted once: for another one from the same stage change rerunId.")
    IntOrString rerunFrom,

    @JsonPropertyDescription("Tells wishes to run again apart: any text, a date for example.")
    @Size(min = 1, max = 63)
    String rerunId) {

  static final String NUMBERS = "{'prepare-data': 0, 'speaker-embedding': 1, 'speech-tokens': 2, 'parquet': 3, "
      + "'train': 4, 'average': 5, 'export': 6, '0': 0, '1': 1, '2': 2, '3': 3, '4': 4, '5': 5, '6': 6}";
  static final String KNOWN_FROM = "(type(self.from) == int ? (self.from >= 0 && self.from <= 6) : self.from in "
      + NUMBERS + ")";
  static final String KNOWN_TO = "(type(self.to) == int ? (self.to >= 0 && self.to <= 6) : self.to in " + NUMBERS + ")";
  static final String KNOWN_RERUN = "(type(self.rerunFrom) == int ? (self.rerunFrom >= 0 && self.rerunFrom <= 6) "
      + ": self.rerunFrom in " + NUMBERS + ")";
  static final String NUMBER_FROM = "(type(self.from) == int ? self.from : " + NUMBERS + "[self.from])";
  static final String NUMBER_TO = "(type(self.to) == int ? self.to : " + NUMBERS + "[self.to])";
  static final String NUMBER_RERUN = "(type(self.rerunFrom) == int ? self.rerunFrom : " + NUMBERS + "[self.rerunFrom])";

  public StageRange {
    from = from == null ? new IntOrString(Stage.PREPARE_DATA.id()) : from;
    to = to == null ? new IntOrString(Stage.EXPORT.id()) : to;
  }

  public boolean contains(Stage stage) {
    return stage.number() >= stage(from).number() && stage.number() <= stage(to).number();
  }

  public Stage last() {
    return stage(to);
  }

  public Optional<Stage> again() {
    return Optional.ofNullable(rerunFrom).map(StageRange::stage);
  }

  /** The name of the wish to run again. */
  public Optional<String> wish() {
    return again().map(s -> s.id() + "/" + (rerunId == null ? "1" : rerunId));
  }

  private static Stage stage(IntOrString value) {
    return Stage.of(String.valueOf(value.getValue()));
  }
}
