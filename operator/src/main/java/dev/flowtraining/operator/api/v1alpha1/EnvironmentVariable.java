package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;

/** A variable of the environment. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record EnvironmentVariable(
    @JsonPropertyDescription("The name of the variable.")
    @Required
    @Size(min = 1, max = 128)
    @ValidationRule(
        value = "!self.startsWith('FLOWTRAINING_') && !(self in ['WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'LOCAL_RANK', "
            + "'RANK', 'MASTER_ADDR', 'MASTER_PORT', 'JOB_COMPLETION_INDEX'])",
        message = "this variable is set by the operator: choose another name")
    String name,

    @JsonPropertyDescription("Its value, taken literally.")
    @Size(max = 4096)
    String value) {
}
