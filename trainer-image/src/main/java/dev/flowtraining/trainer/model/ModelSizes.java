package dev.flowtraining.trainer.model;

import java.util.LinkedHashMap;
import java.util.Map;

/** The sizes of a model, under the names of the config, as far as the shapes of its tensors tell them. */
final class ModelSizes {
  private static final String ENCODER = "encoder.";
  private static final String DIT = "decoder.estimator.";

  private final Map<String, long[]> shapes;
  private final Map<String, Object> sizes = new LinkedHashMap<>();

  private ModelSizes(Map<String, long[]> shapes) {
    this.shapes = shapes;
  }

  static Map<String, Object> of(Map<String, long[]> shapes) {
    ModelSizes s = new ModelSizes(shapes);
    s.size("model.vocab_size", "input_embedding.embedding.weight", 0, 1);
    s.size("model.input_size", "input_embedding.embedding.weight", 1, 2);
    s.size("model.output_size", "encoder_proj.weight", 0, 1);
    s.size("model.spk_embed_dim", "spk_embed_affine_layer.weight", 1, 1);
    s.size("model.encoder.output_size", ENCODER + "embed.out.0.weight", 0, 1);
    s.count("model.encoder.num_blocks", ENCODER + "encoders.%d.norm_ff.weight");
    s.count("model.encoder.num_up_blocks", ENCODER + "up_encoders.%d.norm_ff.weight");
    String first = ENCODER + "encoders.0.";
    s.size("model.encoder.attention_heads", first + "self_attn.pos_bias_u", 0, 1);
    s.size("model.encoder.linear_units", first + "feed_forward.w_1.weight", 0, 1);
    if (shapes.containsKey(first + "self_attn.linear_k.weight")) {
      s.sizes.put("model.encoder.key_bias", shapes.containsKey(first + "self_attn.linear_k.bias"));
    }
    s.estimator();
    return s.sizes;
  }

  private void estimator() {
    count("model.estimator.depth", DIT + "blocks.%d.attn.to_q.weight");
    size("model.estimator.hidden_size", DIT + "in_proj.weight", 0, 1);
    size("model.estimator.head_dim", DIT + "blocks.0.attn.q_norm.weight", 0, 1);
    if (at(DIT + "blocks.0.attn.to_q.weight", 0) instanceof Long inner
        && sizes.get("model.estimator.head_dim") instanceof Long head && inner % head == 0) {
      sizes.put("model.estimator.num_heads", inner / head);
    }
    if (at(DIT + "blocks.0.mlp.fc1.weight", 0) instanceof Long mlp
        && sizes.get("model.estimator.hidden_size") instanceof Long hidden) {
      sizes.put("model.estimator.mlp_ratio", mlp / (double) hidden);
    }
  }

  private void size(String setting, String tensor, int axis, int factor) {
    if (at(tensor, axis) instanceof Long n) {
      sizes.put(setting, n * factor);
    }
  }

  private void count(String setting, String tensors) {
    long n = 0;
    while (shapes.containsKey(tensors.formatted(n))) {
      n++;
    }
    if (n > 0) {
      sizes.put(setting, n);
    }
  }

  private Long at(String tensor, int axis) {
    long[] shape = shapes.get(tensor);
    return shape == null || axis >= shape.length ? null : (Long) shape[axis];
  }
}
