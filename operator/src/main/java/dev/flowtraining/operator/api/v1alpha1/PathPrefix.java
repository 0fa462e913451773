package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;

/** Maps the paths in wav.scp to where the audio is mounted. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record PathPrefix(
    @JsonPropertyDescription("How the paths in wav.scp begin, for example /corpora/speech.")
    @Required
    @Size(min = 1, max = 512)
    @ValidationRule(value = "!self.contains('=') && !self.startsWith('-')",
        message = "a path prefix holds no '=' and does not begin with '-'")
    String from,

    @JsonPropertyDescription("What stands there instead, for example /data (the data volume's mount).")
    @Required
    @Size(min = 1, max = 512)
    @ValidationRule(value = "!self.contains('=')", message = "a path prefix holds no '='")
    String to) {
}
