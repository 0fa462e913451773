package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;

/** Models by path in a volume, or built in. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ModelsSpec(
    @JsonPropertyDescription("The volume that holds the model files; mounted read-only.")
    VolumeSource volume,

    @JsonPropertyDescription("The speaker encoder: a path in the volume (campplus.onnx), or builtin.")
    @Size(min = 1, max = 512)
    @ValidationRule(value = ModelsSpec.RELATIVE, message = ModelsSpec.RELATIVE_MESSAGE)
    String speakerEncoder,

    @JsonPropertyDescription("The dual-codebook speech tokenizer: a folder in the volume, or builtin.")
    @Size(min = 1, max = 512)
    @ValidationRule(value = ModelsSpec.RELATIVE, message = ModelsSpec.RELATIVE_MESSAGE)
    String tokenizer,

    @JsonPropertyDescription("The weights that training starts from: a path in the volume (a flow.pt), or builtin for "
        + "random ones.")
    @Size(min = 1, max = 512)
    @ValidationRule(value = ModelsSpec.RELATIVE, message = ModelsSpec.RELATIVE_MESSAGE)
    String init,

    @JsonPropertyDescription("The vocoder of probes and report: a path in the volume (hift.pt), or builtin for "
        + "Griffin-Lim.")
    @Size(min = 1, max = 512)
    @ValidationRule(value = ModelsSpec.RELATIVE, message = ModelsSpec.RELATIVE_MESSAGE)
    String vocoder) {

  public static final String BUILTIN = "builtin";
  static final String RELATIVE =
      "!self.startsWith('/') && !self.startsWith('-') && !self.split('/').exists(p, p == '..')";
  static final String RELATIVE_MESSAGE =
      "the path is relative to the root of the models volume: no leading '/' or '-', no '..'";

  public ModelsSpec {
    speakerEncoder = speakerEncoder == null ? BUILTIN : speakerEncoder;
    tokenizer = tokenizer == null ? BUILTIN : tokenizer;
    init = init == null ? BUILTIN : init;
    vocoder = vocoder == null ? BUILTIN : vocoder;
  }
}
