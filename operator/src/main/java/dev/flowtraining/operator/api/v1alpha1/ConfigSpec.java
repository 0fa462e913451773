package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;

/** A preset, and YAML with the keys of configs/flow_model.yaml on top of it. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "!(has(self.inline) && has(self.configMapRef))",
    message = "config.inline and config.configMapRef exclude each other: keep one of them")
public record ConfigSpec(
    @JsonPropertyDescription("The configuration to start from: production (154 million parameters), fine-tune, or tiny "
        + "(tests and demonstrations on a CPU).")
    Preset preset,

    @JsonPropertyDescription("YAML text with what differs from the preset; keys as in configs/flow_model.yaml.")
    @Size(min = 1, max = 65536)
    String inline,

    @JsonPropertyDescription("A ConfigMap that holds that YAML text. Its content is copied when the run starts or is "
        + "resumed: a later change has no effect on this run.")
    ConfigMapReference configMapRef) {

  public ConfigSpec {
    preset = preset == null ? Preset.PRODUCTION : preset;
  }
}
