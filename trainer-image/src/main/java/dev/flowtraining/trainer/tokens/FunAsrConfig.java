package dev.flowtraining.trainer.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.flowtraining.trainer.models.OnnxModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * What of FunASR's {@code config.yaml} the tensors do not tell. Everything else that it says about the encoder and its
 * front end must be what is computed here.
 *
 * @param heads of the encoder's attention
 */
record FunAsrConfig(int heads) {
  private static final Map<String, String> COMPUTED = Map.ofEntries(
      Map.entry("/encoder_conf/input_layer", "pe_online"), Map.entry("/encoder_conf/normalize_before", "true"),
      Map.entry("/encoder_conf/selfattention_layer_type", "sanm"), Map.entry("/encoder_conf/sanm_shfit", "0"),
      Map.entry("/frontend_conf/fs", "16000"), Map.entry("/frontend_conf/window", "hamming"),
      Map.entry("/frontend_conf/n_mels", "80"), Map.entry("/frontend_conf/frame_length", "25"),
      Map.entry("/frontend_conf/frame_shift", "10"), Map.entry("/frontend_conf/lfr_m", "7"),
      Map.entry("/frontend_conf/lfr_n", "6"));

  static FunAsrConfig read(Path file) {
    JsonNode yaml;
    try {
      yaml = new ObjectMapper(new YAMLFactory()).readTree(file.toFile());
    } catch (IOException e) {
      throw OnnxModel.unreadable(file, "it is no YAML: " + e.getMessage(), e);
    }
    COMPUTED.forEach((path, value) -> {
      JsonNode given = yaml.at(path);
      if (!given.isMissingNode() && !given.asText().equals(value)) {
        throw OnnxModel.unreadable(file, path.substring(1).replace('/', '.') + " is " + given.asText() + ", not "
            + value + ", so it is another kind of model", null);
      }
    });
    int heads = yaml.at("/encoder_conf/attention_heads").asInt();
    if (heads < 1) {
      throw OnnxModel.unreadable(file, "it does not say encoder_conf.attention_heads", null);
    }
    return new FunAsrConfig(heads);
  }
}
