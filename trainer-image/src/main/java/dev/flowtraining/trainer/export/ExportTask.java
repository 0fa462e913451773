package dev.flowtraining.trainer.export;

import ai.djl.Device;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.FlowModelParameters;
import dev.flowtraining.trainer.model.ParameterSpec;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.synthesize.HeldOut;
import dev.flowtraining.trainer.synthesize.MelDistance;
import dev.flowtraining.trainer.synthesize.MelPicture;
import dev.flowtraining.trainer.synthesize.Speech;
import dev.flowtraining.trainer.synthesize.Synthesizer;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.vocoder.Vocoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Stage 6: the averaged weights in the forms that others load, samples of what they do, and a report. */
public final class ExportTask implements StageTask {
  private static final int FORMAT = 1;
  private static final int SAMPLES = 4;
  private static final int MOST_GROUPS = 50; // 6 s: enough to see, and quick on a CPU
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  @Override
  public String inputHash(StageContext context) throws IOException {
    InputHash hash = InputHash.start().add("export").add(FORMAT).add(context.config().model())
        .add(StageRecord.require(context.layout(), Stage.AVERAGE).outputHash());
    String vocoder = context.options().vocoder();
    return (vocoder.equals("builtin") ? hash : hash.file(Path.of(vocoder))).hex();
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    return Files.isRegularFile(context.layout().artifactsJson())
        && Files.isRegularFile(context.layout().export().resolve("flow.pt"));
  }

  @Override
  public Result run(StageContext context) throws IOException {
    RunLayout layout = context.layout();
    Path folder = layout.export();
    ModelConfig model = context.config().model();
    StateDict weights = inOrder(StateDictFile.read(layout.averaged()), model);
    List<Path> files = new ArrayList<>(weightFiles(folder, weights, context.config().datasetConf().speakerEmbedding()));
    Path yaml = folder.resolve("cosyvoice.yaml");
    WholeFile.text(yaml, CosyVoiceYaml.of(model));
    files.add(yaml);
    context.progress().update(Stage.EXPORT, 0.3, "making sample mels");
    String asked = context.options().device();
    Device device = Torch.start(asked == null ? "auto" : asked, context.config().trainConf().threads());
    List<Speech> heldOut = heldOut(layout, context.config(), weights, device);
    List<Speech> samples = shown(heldOut);
    context.progress().update(Stage.EXPORT, 0.7, "drawing " + samples.size() + " sample mels");
    Listening listening = new Listening(Vocoder.named(context.options().vocoder(), device), samples);
    for (Speech sample : samples) {
      files.addAll(sampleFiles(folder.resolve("samples"), samples.indexOf(sample) + 1, sample, listening));
    }
    List<Artifact> artifacts = new ArrayList<>();
    for (Path file : files) {
      artifacts.add(Artifact.of(layout.root(), file));
    }
    Path report = folder.resolve("report.html");
    WholeFile.text(report, Report.of(layout, context.config(), heldOut, samples, listening, artifacts));
    artifacts.add(Artifact.of(layout.root(), report));
    WholeFile.text(layout.artifactsJson(), JSON.writeValueAsString(artifacts) + "\n");
    Map<String, Object> counts = new LinkedHashMap<>();
    counts.put("tensors", weights.tensors().size());
    counts.put("parameters", weights.tensors().values().stream().mapToLong(StateDict.Tensor::elements).sum());
    counts.put("samples", samples.size());
    if (!heldOut.isEmpty()) {
      MelDistance distance = MelDistance.of(heldOut);
      counts.put("measured", heldOut.size());
      counts.put("melL1", distance.l1());
      counts.put("melL1OfMean", distance.ratio());
    }
    counts.put("artifacts", artifacts.size());
    return new Result(counts, InputHash.ofFile(layout.artifactsJson()));
  }

  /** A few of them, spread evenly. */
  private static List<Speech> shown(List<Speech> heldOut) {
    int count = Math.min(SAMPLES, heldOut.size());
    return IntStream.range(0, count).mapToObj(i -> heldOut.get((2 * i + 1) * heldOut.size() / (2 * count))).toList();
  }

  /**
   * Utterances of the validation set, as many as the probes make, or of the training set when there is none; the first
   * seconds of each. None when the run directory holds no data, as when only the last stages were asked for.
   */
  private static List<Speech> heldOut(RunLayout layout, FlowConfig config, StateDict weights, Device device)
      throws IOException {
    String split = hasData(layout, "dev") ? "dev" : "train";
    if (!hasData(layout, split)) {
      return List.of();
    }
    try (Parameters parameters = Parameters.create(config.model(), device)) {
      parameters.load(weights, true);
      Synthesizer synthesizer = new Synthesizer(new FlowModel(config.model(), config.cfm(), parameters),
          config.model().inferenceCfgRate());
      return HeldOut
          .spread(new ParquetExamples(layout, split, config), Math.max(SAMPLES, config.probeConf().utterances())).stream()
          .map(e -> synthesizer.speech(e.part(0, MOST_GROUPS), Synthesizer.Prompt.NONE)).toList();
    }
  }

  private static boolean hasData(RunLayout layout, String split) throws IOException {
    return Files.isRegularFile(layout.dataList(split)) && Files.size(layout.dataList(split)) > 0;
  }

  /** Exactly the model's tensors in the model's order, and nothing else. */
  static StateDict inOrder(StateDict state, ModelConfig model) {
    LinkedHashMap<String, StateDict.Tensor> ordered = new LinkedHashMap<>();
    for (ParameterSpec spec : FlowModelParameters.of(model)) {
      StateDict.Tensor tensor = state.tensors().get(spec.name());
      if (tensor == null || !Arrays.equals(tensor.shape(), spec.shape())) {
        throw mismatch(spec.name() + (tensor == null ? " is missing"
            : " has shape " + Arrays.toString(tensor.shape()) + " instead of " + Arrays.toString(spec.shape())));
      }
      ordered.put(spec.name(), tensor);
    }
    state.tensors().keySet().stream().filter(name -> !ordered.containsKey(name)).findFirst().ifPresent(name -> {
      throw mismatch(name + " is no parameter of the model");
    });
    return new StateDict(ordered);
  }

  private static StageFailure mismatch(String what) {
    return new StageFailure(ExitCode.MISSING, "CheckpointMismatch", "the averaged weights are not of the model of the"
        + " config: " + what + "; give the config that the run was trained with");
  }

  /** Writes both forms and reads them back: what others get is bit for bit what was averaged. */
  private static List<Path> weightFiles(Path folder, StateDict weights, String speakerEmbedding)
      throws IOException {
    Path pt = folder.resolve("flow.pt");
    StateDictFile.write(pt, weights, StateDictFile.Form.MODULE);
    same(pt, weights, StateDictFile.read(pt));
    Path safetensors = folder.resolve("flow.safetensors");
    SafeTensors.write(safetensors, weights, Map.of("format", "pt", SafeTensors.SPEAKER_EMBEDDING, speakerEmbedding));
    same(safetensors, weights, SafeTensors.read(safetensors));
    return List.of(pt, safetensors);
  }

  private static void same(Path file, StateDict written, StateDict read) throws IOException {
    boolean same = List.copyOf(written.tensors().keySet()).equals(List.copyOf(read.tensors().keySet()))
        && written.tensors().entrySet().stream().allMatch(e -> {
          StateDict.Tensor other = read.tensors().get(e.getKey());
          return other.dtype() == e.getValue().dtype() && Arrays.equals(other.shape(), e.getValue().shape())
              && other.data().equals(e.getValue().data());
        });
    if (!same) {
      throw new IOException(file + " reads back otherwise than it was written");
    }
  }

  private static List<Path> sampleFiles(Path folder, int number, Speech sample, Listening listening)
      throws IOException {
    String name = sample.fileName(number);
    Map<Path, byte[]> files = new LinkedHashMap<>();
    files.put(folder.resolve(name + ".png"), MelPicture.png(sample));
    files.put(folder.resolve(name + "_real.wav"), listening.real(sample));
    files.put(folder.resolve(name + "_predicted.wav"), listening.predicted(sample));
    for (Map.Entry<Path, byte[]> file : files.entrySet()) {
      WholeFile.bytes(file.getKey(), file.getValue());
    }
    return List.copyOf(files.keySet());
  }
}
