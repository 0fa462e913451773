package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.kubernetes.api.model.Quantity;
import java.util.Map;

/** Requests and limits of a container. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Resources(
    @JsonPropertyDescription("What the scheduler sets aside, for example {cpu: '2', memory: 8Gi}.")
    @Size(max = 16)
    Map<String, Quantity> requests,

    @JsonPropertyDescription("What the container may use at most.")
    @Size(max = 16)
    Map<String, Quantity> limits) {

  public Resources {
    requests = requests == null ? Map.of() : Map.copyOf(requests);
    limits = limits == null ? Map.of() : Map.copyOf(limits);
  }
}
