package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;

/** A folder in the data volume. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record DataPath(
    @JsonPropertyDescription("Path of the folder in the data volume, relative to its root ('.' for the root itself).")
    @Required
    @Size(min = 1, max = 512)
    @ValidationRule(
        value = "!self.startsWith('/') && !self.startsWith('-') && !self.split('/').exists(p, p == '..')",
        message = "the path is relative to the root of the data volume: no leading '/' or '-', no '..'")
    String path) {
}
