package dev.flowtraining.trainer.synthesize;

import ai.djl.Device;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.models.Npy;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.vocoder.Vocoder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code flow-trainer synthesize}: a checkpoint → mels, pictures and audio of utterances, beside the real ones. */
public final class Synthesis {
  private static final String ROW = "%-40s %8s %8s %9s%n";

  private final FlowConfig config;
  private final Device device;
  private final PrintStream printed;

  public Synthesis(FlowConfig config, String device, PrintStream printed) {
    this.config = config;
    this.device = Torch.start(device, config.trainConf().threads());
    this.printed = printed;
  }

  /**
   * @param runDir null when {@code parquet} is given, and the other way round
   * @param utts ids; when it is empty {@code count} utterances are spread over all
   * @param promptSeconds of each utterance's own beginning
   * @param promptUtt null when no other utterance is the prompt
   * @param hift the released vocoder's file, or null for Griffin-Lim
   */
  public record Request(Path checkpoint, Path runDir, String split, Path parquet, List<String> utts, int count,
      double promptSeconds, String promptUtt, Path hift, int steps, double temperature, Path out) {}

  /** @throws StageFailure 66 for a checkpoint that cannot be read or is of another model, 64 for missing utterances */
  public void run(Request request) throws IOException {
    try (Parameters parameters = Parameters.create(config.model(), device)) {
      parameters.load(StateDictFile.read(request.checkpoint), true);
      ParquetExamples examples = request.parquet == null
          ? new ParquetExamples(new RunLayout(request.runDir.toAbsolutePath().normalize()), request.split, config)
          : ParquetExamples.of(request.parquet, config);
      Synthesizer synthesizer = new Synthesizer(new FlowModel(config.model(), config.cfm(), parameters), request.steps,
          config.model().inferenceCfgRate(), request.temperature);
      Synthesizer.Prompt prompt = request.promptUtt == null ? Synthesizer.Prompt.NONE
          : Synthesizer.Prompt.of(named(examples, List.of(request.promptUtt)).getFirst());
      Vocoder vocoder = Vocoder.of(request.hift, device);
      List<Speech> speeches = new ArrayList<>();
      printed.printf(ROW, "UTTERANCE", "SECONDS", "MEL L1", "OF MEAN'S");
      for (Example example : request.utts.isEmpty()
          ? HeldOut.spread(examples, request.count) : named(examples, request.utts)) {
        Speech speech = request.promptSeconds > 0
            ? continued(synthesizer, example, request.promptSeconds) : synthesizer.speech(example, prompt);
        speeches.add(speech);
        write(request.out, speeches.size(), speech, vocoder);
        row(speech.utt(), speech.seconds(), MelDistance.of(speech));
      }
      row("all " + speeches.size(), speeches.stream().mapToDouble(Speech::seconds).sum(), MelDistance.of(speeches));
      printed.println("audio by " + vocoder.name() + "; written to " + request.out);
    }
  }

  private static Speech continued(Synthesizer synthesizer, Example example, double promptSeconds) {
    int groups = (int) Math.round(promptSeconds * Example.FRAMES_PER_SECOND / DualCodebook.FRAMES);
    int all = example.frames() / DualCodebook.FRAMES;
    if (groups < 1 || groups >= all) {
      throw new StageFailure(ExitCode.USAGE, "Usage", "--prompt-seconds " + promptSeconds + " leaves nothing to make of "
          + example.utt() + ", which has " + example.frames() / (double) Example.FRAMES_PER_SECOND
          + " s, or is less than 0.06 s; name longer utterances with --utt");
    }
    return synthesizer.speech(example.part(groups, all - groups), Synthesizer.Prompt.of(example.part(0, groups)));
  }

  private static List<Example> named(ParquetExamples examples, List<String> utts) {
    List<Example> found = HeldOut.named(examples, utts);
    if (found.size() < utts.size()) {
      List<String> missing = new ArrayList<>(utts);
      found.forEach(e -> missing.remove(e.utt()));
      throw new StageFailure(ExitCode.BAD_DATA, "UtteranceNotFound",
          "there is no usable utterance " + String.join(", ", missing) + " among " + examples.frames().length);
    }
    return found;
  }

  private void row(String name, double seconds, MelDistance distance) {
    printed.printf(ROW, name, "%.2f".formatted(seconds), "%.4f".formatted(distance.l1()),
        "%.3f".formatted(distance.ratio()));
  }

  private static void write(Path folder, int number, Speech speech, Vocoder vocoder) throws IOException {
    String name = speech.fileName(number);
    WholeFile.bytes(folder.resolve(name + ".mel.npy"), Npy.of(speech.predicted_FC(), speech.frames(), Mel.BINS));
    WholeFile.bytes(folder.resolve(name + "_real.mel.npy"), Npy.of(speech.real_FC(), speech.frames(), Mel.BINS));
    WholeFile.bytes(folder.resolve(name + ".png"), MelPicture.png(speech));
    WholeFile.bytes(folder.resolve(name + ".wav"), wav(vocoder, speech.predicted_FC()));
    WholeFile.bytes(folder.resolve(name + "_real.wav"), wav(vocoder, speech.real_FC()));
  }

  private static byte[] wav(Vocoder vocoder, float[] mel_FC) {
    return Wav.encode(new Waveform(vocoder.audio(mel_FC), Mel.RATE));
  }
}
