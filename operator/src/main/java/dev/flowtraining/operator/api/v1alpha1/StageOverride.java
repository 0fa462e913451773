package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;
import java.util.Map;

/** What one stage has otherwise than the template. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record StageOverride(
    @JsonPropertyDescription("The stage.")
    @Required
    Stage stage,

    @JsonPropertyDescription("Variables added to those of the template; a variable of the same name replaces it.")
    @Size(max = 64)
    List<EnvironmentVariable> env,

    @JsonPropertyDescription("Node labels, in place of the template's.")
    @Size(max = 32)
    Map<String, String> nodeSelector,

    @JsonPropertyDescription("Tolerations, in place of the template's.")
    @Size(max = 32)
    List<TolerationSpec> tolerations,

    @JsonPropertyDescription("CPU and memory, in place of the template's.")
    Resources resources) {

  public StageOverride {
    env = env == null ? List.of() : List.copyOf(env);
    nodeSelector = nodeSelector == null ? Map.of() : Map.copyOf(nodeSelector);
    tolerations = tolerations == null ? List.of() : List.copyOf(tolerations);
  }
}
