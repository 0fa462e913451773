package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.IntOrString;

/** The stages that run, both ends included. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = StageRange.KNOWN_FROM + " && " + StageRange.KNOWN_TO,
    message = "stages.from and stages.to are each one of prepare-data, speaker-embedding, speech-tokens, parquet, "
        + "train, average, export, or a number 0-6")
@ValidationRule(
    value = "!(" + StageRange.KNOWN_FROM + " && " + StageRange.KNOWN_TO + ") || "
        + "(type(self.from) == int ? self.from : " + StageRange.NUMBERS + "[self.from]) <= "
        + "(type(self.to) == int ? self.to : " + StageRange.NUMBERS + "[self.to])",
    message = "stages.from comes after stages.to: the pipeline runs prepare-data, speaker-embedding, speech-tokens, "
        + "parquet, train, average, export in this order")
public record StageRange(
    @JsonPropertyDescription("The first stage that runs: prepare-data, speaker-embedding, speech-tokens, parquet, "
        + "train, average, export, or 0-6. What earlier stages would have written must be in the run directory.")
    IntOrString from,

    @JsonPropertyDescription("The last stage that runs: a name or 0-6, as in from.")
    IntOrString to) {

  static final String NUMBERS = "{'prepare-data': 0, 'speaker-embedding': 1, 'speech-tokens': 2, 'parquet': 3, "
      + "'train': 4, 'average': 5, 'export': 6, '0': 0, '1': 1, '2': 2, '3': 3, '4': 4, '5': 5, '6': 6}";
  static final String KNOWN_FROM = "(type(self.from) == int ? (self.from >= 0 && self.from <= 6) : self.from in "
      + NUMBERS + ")";
  static final String KNOWN_TO = "(type(self.to) == int ? (self.to >= 0 && self.to <= 6) : self.to in " + NUMBERS + ")";

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

  private static Stage stage(IntOrString value) {
    return Stage.of(String.valueOf(value.getValue()));
  }
}
