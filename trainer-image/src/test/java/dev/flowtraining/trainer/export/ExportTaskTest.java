package dev.flowtraining.trainer.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.PresetDifference;
import dev.flowtraining.trainer.model.FlowModelParameters;
import dev.flowtraining.trainer.model.ParameterSpec;
import dev.flowtraining.trainer.synthesize.HeldOutRun;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExportTaskTest {
  @TempDir Path folder;
  private final FlowConfig config = ConfigLoader.preset("tiny");

  private RunLayout layout() {
    return new RunLayout(folder);
  }

  private StageContext context() {
    StageOptions options = new StageOptions(null, null, null, null, "builtin", "builtin", "builtin", "builtin",
        "torch_ddp", null, "cpu", null, 5, "last", null);
    return new StageContext(layout(), config, options, Ranks.of(Map.of()), Progress.NONE);
  }

  private StateDict weights() {
    Random random = new Random(1);
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>();
    for (ParameterSpec spec : FlowModelParameters.of(config.model())) {
      float[] values = new float[(int) spec.elements()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (0.1 * random.nextGaussian());
      }
      tensors.put(spec.name(), Tensor.of(values, spec.shape()));
    }
    return StateDict.of(tensors, Map.of());
  }

  @BeforeEach
  void aRunUpToTheAverage() throws IOException {
    HeldOutRun.write(layout(), "a/1", "<b>", "a?1");
    StateDict weights = weights();
    StateDictFile.write(layout().averaged(), weights);
    new StageRecord(Stage.AVERAGE.id(), "in", "out", Map.of("averaged", 2), 1.5, Map.of(), "2026-01-01T00:00:00Z").write(layout());
    WholeFile.text(layout().metrics(), """
        {"event":"step","step":1,"loss":9.0}
        {"event":"step","step":1,"loss":3.0}
        {"event":"validation","step":2,"cv_loss":1.25,"cv_constant_loss":2.5}
        {"event":"step","st""");
  }

  @Test
  void theExportIsWhatWasAveragedInEveryForm() throws Exception {
    StageTask.Result result = new ExportTask().run(context());
    StateDict expected = weights();
    for (StateDict written : List.of(StateDictFile.read(layout().export().resolve("flow.pt")),
        SafeTensors.read(layout().export().resolve("flow.safetensors")))) {
      assertThat(new ArrayList<>(written.tensors().keySet())).isEqualTo(new ArrayList<>(expected.tensors().keySet()));
      expected.tensors().forEach((name, tensor) ->
          assertThat(written.tensors().get(name).floats()).as(name).isEqualTo(tensor.floats()));
      assertThat(written.integers()).isEmpty();
    }
    assertThat(result.counts()).containsEntry("tensors", expected.tensors().size()).containsEntry("samples", 3);

    JsonNode artifacts = new ObjectMapper().readTree(layout().artifactsJson().toFile());
    List<String> paths = new ArrayList<>();
    for (JsonNode a : artifacts) {
      Path file = folder.resolve(a.get("path").asText());
      paths.add(a.get("path").asText());
      assertThat(file).hasSize(a.get("bytes").asLong());
      assertThat(sha256(file)).isEqualTo(a.get("sha256").asText());
    }
    assertThat(paths).contains("export/flow.pt", "export/flow.safetensors", "export/cosyvoice.yaml", "export/report.html",
        "export/samples/1_a_1.png", "export/samples/2__b_.png", "export/samples/3_a_1_predicted.wav").doesNotHaveDuplicates();

    var picture = ImageIO.read(layout().export().resolve("samples/3_a_1.png").toFile());
    assertThat(picture.getHeight()).isGreaterThan(300);
    String html = Files.readString(layout().export().resolve("report.html"));
    assertThat(html).contains("<svg").contains("data:image/png;base64,").contains("1.2500").contains("50 %")
        .contains("&lt;b&gt;").doesNotContain("><b>, ").contains("max_frames_in_batch")
        .doesNotContain("http://").doesNotContain("https://");
    assertThat(html.split("data:audio/wav;base64,", -1)).as("real and predicted of each").hasSize(7);
  }

  private static String sha256(Path file) throws Exception {
    return HexFormat.of().formatHex(
        MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
  }

  @Test
  void withoutDataTheWeightsAreExportedAllTheSame() throws Exception {
    Files.delete(layout().dataList("dev"));
    assertThat(new ExportTask().run(context()).counts()).containsEntry("samples", 0);
    assertThat(layout().export().resolve("flow.pt")).exists();
    assertThat(Files.readString(layout().export().resolve("report.html"))).doesNotContain("data:image/png");
  }

  @Test
  void theSameWeightsGiveTheSameFiles() throws Exception {
    new ExportTask().run(context());
    byte[] pt = Files.readAllBytes(layout().export().resolve("flow.pt"));
    byte[] picture = Files.readAllBytes(layout().export().resolve("samples/3_a_1.png"));
    new ExportTask().run(context());
    assertThat(Files.readAllBytes(layout().export().resolve("flow.pt"))).isEqualTo(pt);
    assertThat(Files.readAllBytes(layout().export().resolve("samples/3_a_1.png"))).isEqualTo(picture);
  }

  @Test
  void weightsOfAnotherModelAreRefused() {
    StateDict weights = weights();
    weights.tensors().put("epoch_counter", Tensor.of(new float[1], 1));
    assertThat(failure(weights).getMessage()).contains("epoch_counter");
    weights = weights();
    weights.tensors().remove("encoder_proj.bias");
    assertThat(failure(weights).getMessage()).contains("encoder_proj.bias is missing");
    weights.tensors().put("encoder_proj.bias", Tensor.of(new float[3], 3));
    assertThat(failure(weights).getMessage()).contains("shape [3]");
  }

  private StageFailure failure(StateDict weights) {
    StageFailure failure =
        catchThrowableOfType(StageFailure.class, () -> ExportTask.inOrder(weights, config.model()));
    assertThat(failure.reason()).isEqualTo("CheckpointMismatch");
    assertThat(failure.exitCode()).isEqualTo(ExitCode.MISSING);
    return failure;
  }

  @Test
  void theYamlBuildsTheModelOfTheConfig() {
    String yaml = CosyVoiceYaml.of(ConfigLoader.preset("production").model());
    var root = new org.yaml.snakeyaml.Yaml().compose(new StringReader(yaml));
    assertThat(root).isNotNull();
    assertThat(yaml).contains("\n  encoder: !new:").contains("\n    num_blocks: 6\n").contains("\n      depth: 16\n")
        .contains("\n  input_embedding: !new:").contains("\nmel_conf:\n").contains("\n    inference_cfg_rate: 0.7\n");
  }

  @Test
  void theReportSaysWhatWasTrainedOnAndWithWhichSettings() throws Exception {
    WholeFile.text(layout().parquet("train").resolve("utt2num_frames"), "u1 50\nu2 100\nu3 0\nu4 150\n");
    WholeFile.text(layout().data("train").resolve("utt2spk"), "u1 anna\nu2 anna\nu3 carl\nu4 bert\n");
    WholeFile.text(layout().rejects("train", Stage.PREPARE_DATA), "u8 too-short it has 0.1 s\nu9 too-short it has 0.2 s\n");
    DataSummary train = DataSummary.of(layout(), "train");
    assertThat(train.seconds()).containsExactly(1, 2, 3);
    assertThat(train.speakers()).isEqualTo(2);
    assertThat(train.rejects()).containsExactly(Map.entry("too-short", 2));
    new ExportTask().run(context());
    assertThat(Files.readString(layout().export().resolve("report.html"))).contains("2 too-short").contains("3.00 s")
        .contains("All as in the preset tiny.").contains("aria-label=\"learning rate by optimizer step\"");

    Path own = Files.writeString(folder.resolve("own.yaml"), "preset: tiny\ntrain_conf: {max_epoch: 77}\n");
    assertThat(PresetDifference.of(ConfigLoader.load(null, own)))
        .isEqualTo(new PresetDifference("tiny", List.of(new PresetDifference.Row("train_conf.max_epoch", "16", "77"))));
    assertThat(PresetDifference.of(ConfigLoader.preset("production")).preset()).isEqualTo("production");
  }
}
