package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Upstream's files through our pipeline, filter to padded batch. */
class ParquetExamplesTest {
  private static final JsonNode META = Fixtures.json("data/meta.json");
  @TempDir Path run;

  @ParameterizedTest
  @ValueSource(strings = {"memory", "disk", "none"})
  void upstreamsFilesGiveUpstreamsBatches(String cache) throws IOException {
    ParquetExamples examples = open("{min_length: 10, mel_cache: x}".replace("x", cache));
    Map<String, Tensor> expected = Fixtures.npz("data/pipeline.npz");
    double tolerance = Fixtures.json("audio/meta.json").at("/suggested_tolerance/log_mel_abs").asDouble();
    for (int epoch = 0; epoch < 2; epoch++) { // the second comes from the cache, if there is one
      List<PaddedBatch> batches = new ArrayList<>();
      for (int[] plan : EpochPlan.validation(examples.frames(), META.at("/pipeline/max_frames_in_batch").asInt())) {
        batches.add(PaddedBatch.of(Arrays.stream(plan).mapToObj(examples::load).flatMap(Optional::stream).toList()));
      }
      JsonNode upstream = META.at("/pipeline/batches");
      assertThat(batches).hasSize(upstream.size());
      for (int i = 0; i < upstream.size(); i++) {
        compare(batches.get(i), upstream.get(i), expected, tolerance);
      }
    }
    assertThat(examples.dropped()).isEmpty();
    Path folder = new RunLayout(run).melCache();
    if (Files.exists(folder)) {
      try (Stream<Path> left = Files.list(folder)) {
        assertThat(left).isEmpty();
      }
    }
  }

  private static void compare(PaddedBatch batch, JsonNode upstream, Map<String, Tensor> expected, double tolerance) {
    List<String> utts = new ArrayList<>();
    upstream.get("utts").forEach(u -> utts.add(u.asText()));
    assertThat(batch.utts()).isEqualTo(utts);
    int bins = batch.melBins();
    assertThat(List.of(batch.size(), batch.frames(), bins))
        .isEqualTo(upstream.get("speech_feat").valueStream().map(JsonNode::asInt).toList());
    for (int b = 0; b < batch.size(); b++) {
      assertThat(2 * batch.tokenLen()[b]).isEqualTo(upstream.get("speech_feat_len").get(b).asInt());
      float[] mel = floats(expected.get(utts.get(b) + ".speech_feat"));
      for (int k = 0; k < batch.frames() * bins; k++) {
        double wanted = k < mel.length ? mel[k] : 0;
        assertThat((double) batch.mel_BFC()[b * batch.frames() * bins + k]).isCloseTo(wanted,
            org.assertj.core.api.Assertions.offset(k < mel.length ? tolerance : 0));
      }
      long[] tokens = longs(expected.get(utts.get(b) + ".speech_token_dual"));
      assertThat(Arrays.copyOfRange(batch.token_BT2(), b * 2 * batch.tokens(), b * 2 * batch.tokens() + tokens.length))
          .isEqualTo(tokens);
    }
  }

  @Test
  void whatTheFilterLeavesOutIsCountedAndTheRestIsUsed() throws IOException {
    ParquetExamples all = open("{min_length: 10}");
    int longest = Arrays.stream(all.frames()).max().orElseThrow();
    // frames are 20 ms after the trim to whole groups, limits are 10 ms of the whole recording
    ParquetExamples some = open("{min_length: " + 2 * longest + "}");
    assertThat(some.frames()).hasSizeLessThan(all.frames().length).contains(longest);
    assertThat(some.dropped()).hasSize(all.frames().length - some.frames().length);
    assertThat(some.droppedByReason()).containsOnly(Map.entry("too-short", some.dropped().size()));
    assertThat(some.rowGroups().stream().mapToInt(g -> g.length).sum()).isEqualTo(some.frames().length);
    for (int i = 0; i < some.frames().length; i++) {
      assertThat(some.load(i).orElseThrow().frames()).isEqualTo(some.frames()[i]);
    }
    assertThatThrownBy(() -> open("{min_length: 5999}")).isInstanceOf(StageFailure.class)
        .hasMessageContaining("too-short=" + all.frames().length);
  }

  /** @param conf keys of the filter, and mel_cache */
  private ParquetExamples open(String conf) throws IOException {
    RunLayout layout = new RunLayout(run);
    Files.createDirectories(layout.parquet("train"));
    StringBuilder list = new StringBuilder();
    for (String line : META.get("data_list").asText().split("\n")) {
      list.append(Fixtures.dir().resolve(line).toAbsolutePath()).append('\n');
    }
    Files.writeString(layout.dataList("train"), list);
    String cache = conf.replaceAll(".*mel_cache: (\\w+).*", "$1");
    Path yaml = Files.writeString(run.resolve("config.yaml"), "preset: tiny\ndataset_conf:\n  filter_conf: "
        + conf.replaceAll(", mel_cache: \\w+", "") + "\n  speaker_embedding: spk\n"
        + (conf.contains("mel_cache") ? "  mel_cache: " + cache + "\n" : ""));
    FlowConfig config = ConfigLoader.load(null, yaml);
    return new ParquetExamples(layout, "train", config);
  }

  private static float[] floats(Tensor t) {
    float[] values = new float[(int) t.elements()];
    t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static long[] longs(Tensor t) {
    long[] values = new long[(int) t.elements()];
    t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(values);
    return values;
  }
}
