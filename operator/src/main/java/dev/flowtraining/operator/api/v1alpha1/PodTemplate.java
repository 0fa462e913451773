package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;
import java.util.Map;

/** The usual things of a pod, for every stage. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record PodTemplate(
    @JsonPropertyDescription("The trainer image; the operator's default without it. It is kept until the run ends "
        + "or is suspended.")
    @Size(min = 1, max = 512)
    String image,

    @JsonPropertyDescription("When the image is pulled: Always, IfNotPresent or Never.")
    ImagePullPolicy imagePullPolicy,

    @JsonPropertyDescription("Secrets for pulling the image.")
    @Size(max = 16)
    List<SecretReference> imagePullSecrets,

    @JsonPropertyDescription("Further variables of the environment of every container.")
    @Size(max = 64)
    List<EnvironmentVariable> env,

    @JsonPropertyDescription("Labels that a node must have.")
    @Size(max = 32)
    Map<String, String> nodeSelector,

    @JsonPropertyDescription("Taints that the pods tolerate.")
    @Size(max = 32)
    List<TolerationSpec> tolerations,

    @JsonPropertyDescription("The PriorityClass of the pods.")
    @Size(min = 1, max = 253)
    String priorityClassName,

    @JsonPropertyDescription("The scheduler that places the pods; the cluster's default without it.")
    @Size(min = 1, max = 253)
    String schedulerName,

    @JsonPropertyDescription("Further labels of the pods.")
    @Size(max = 32)
    @ValidationRule(value = PodTemplate.OWN_LABELS, message = PodTemplate.OWN_LABELS_MESSAGE)
    Map<String, String> labels,

    @JsonPropertyDescription("Further annotations of the Jobs and their pods.")
    @Size(max = 32)
    Map<String, String> annotations,

    @JsonPropertyDescription("CPU and memory of a stage's container.")
    Resources resources) {

  static final String OWN_LABELS = "self.all(k, !k.startsWith('flowtraining.dev/') && k.size() <= 317)";
  static final String OWN_LABELS_MESSAGE =
      "labels that begin with flowtraining.dev/ are set by the operator: choose another name";

  public PodTemplate {
    imagePullPolicy = imagePullPolicy == null ? ImagePullPolicy.IF_NOT_PRESENT : imagePullPolicy;
    imagePullSecrets = imagePullSecrets == null ? List.of() : List.copyOf(imagePullSecrets);
    env = env == null ? List.of() : List.copyOf(env);
    nodeSelector = nodeSelector == null ? Map.of() : Map.copyOf(nodeSelector);
    tolerations = tolerations == null ? List.of() : List.copyOf(tolerations);
    labels = labels == null ? Map.of() : Map.copyOf(labels);
    annotations = annotations == null ? Map.of() : Map.copyOf(annotations);
  }

  public static PodTemplate empty() {
    return new PodTemplate(null, null, null, null, null, null, null, null, null, null, null);
  }
}
