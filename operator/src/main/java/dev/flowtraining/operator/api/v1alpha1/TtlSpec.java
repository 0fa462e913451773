package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.time.Duration;
import java.util.Optional;

/** When an ended run is tidied up. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "!self.deleteSelf || has(self.success) || has(self.failure)",
    message = "ttlAfterFinished.deleteSelf needs a time: set ttlAfterFinished.success, failure or both")
public record TtlSpec(
    @JsonPropertyDescription("How long after a success the Jobs with their pods and logs, the Service and the "
        + "ConfigMaps are kept, for example 24h; for ever without it. The workspace is not touched.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String success,

    @JsonPropertyDescription("The same after a failure.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String failure,

    @JsonPropertyDescription("Whether the FlowTraining itself is deleted then. A tool that keeps it in Git would "
        + "apply it again: that adopts the finished run and trains nothing.")
    Boolean deleteSelf) {

  public TtlSpec {
    deleteSelf = deleteSelf != null && deleteSelf;
  }

  public Optional<Duration> after(Phase end) {
    return Optional.ofNullable(end == Phase.SUCCEEDED ? success : failure).map(Durations::parse);
  }
}
