package dev.flowtraining.trainer;

import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.synthesize.Synthesis;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code flow-trainer synthesize FILE --run-dir DIR --out DIR}. */
@Command(name = "flow-trainer synthesize", sortOptions = false, usageHelpAutoWidth = true,
    mixinStandardHelpOptions = true, versionProvider = CommandLineOptions.Version.class,
    description = "Makes held-out utterances from their own tokens with a checkpoint: the mel and the real"
        + " one (.mel.npy, frames × 80), a picture of both, and both as audio. Prints how far each mel is from the real one.",
    footer = {"", "Exit codes: 0 made, 2 usage or config, 64 nothing usable, 66 a file is missing or does not fit."})
final class SynthesizeCommand implements PrintingCommand {
  static final String NAME = "synthesize";

  @Parameters(index = "0", paramLabel = "FILE", description = "a checkpoint of the model: .pt or .safetensors")
  Path checkpoint;

  @Option(names = "--run-dir", paramLabel = "DIR", description = "a run, whose held-out utterances are taken")
  Path runDir;

  @Option(names = "--split", paramLabel = "NAME", defaultValue = "dev",
      description = "of the run: dev or train (${DEFAULT-VALUE})")
  String split = "dev";

  @Option(names = "--parquet", paramLabel = "FILE", description = "instead of a run: a Parquet file, or a data.list")
  Path parquet;

  @Option(names = "--out", paramLabel = "DIR", required = true, description = "where the results go")
  Path out;

  @Option(names = "--count", paramLabel = "N", defaultValue = "3",
      description = "utterances, spread over all (${DEFAULT-VALUE})")
  int count = 3;

  @Option(names = "--utt", paramLabel = "ID", description = "these utterances instead; may be given several times")
  List<String> utts = List.of();

  @Option(names = "--prompt-seconds", paramLabel = "S", defaultValue = "0",
      description = "the real beginning of each utterance is the prompt, and the rest is made (${DEFAULT-VALUE})")
  double promptSeconds;

  @Option(names = "--prompt-utt", paramLabel = "ID", description = "another utterance that is the prompt of all")
  String promptUtt;

  @Option(names = "--vocoder", paramLabel = "FILE",
      description = "hift.pt of Step-Audio-EditX or CosyVoice 2; without it audio is made by Griffin-Lim")
  Path vocoder;

  @Option(names = "--steps", paramLabel = "N", defaultValue = "10", description = "Euler steps (${DEFAULT-VALUE})")
  int steps = 10;

  @Option(names = "--temperature", paramLabel = "T", defaultValue = "1",
      description = "factor of the noise that the flow starts from; below 1 nearer to the mean (${DEFAULT-VALUE})")
  double temperature = 1;

  @Option(names = "--preset", paramLabel = "NAME", description = "production (default), fine-tune or tiny")
  String preset;

  @Option(names = "--config", paramLabel = "FILE", description = "the config that the model was trained with")
  Path config;

  @Option(names = "--device", paramLabel = "NAME", defaultValue = "auto",
      description = "auto, cpu or cuda (${DEFAULT-VALUE})")
  String device = "auto";

  @Override
  public void run(PrintStream printed) {
    demand((runDir == null) != (parquet == null), "give --run-dir or --parquet, one of them");
    demand(List.of("dev", "train").contains(split), "--split has to be dev or train, not " + split);
    demand(count >= 1, "--count has to be at least 1, not " + count);
    demand(steps >= 1, "--steps has to be at least 1, not " + steps);
    demand(temperature >= 0 && temperature <= 2, "--temperature has to be between 0 and 2, not " + temperature);
    demand(promptSeconds >= 0, "--prompt-seconds has to be 0 or more, not " + promptSeconds);
    demand(promptSeconds == 0 || promptUtt == null,
        "--prompt-seconds and --prompt-utt exclude each other; give one of them");
    demand(device.matches(CommandLineOptions.DEVICES), "--device " + device + " is none of auto, cpu, cuda");
    try {
      new Synthesis(ConfigLoader.load(preset, config), device, printed).run(new Synthesis.Request(checkpoint, runDir,
          split, parquet, utts, count, promptSeconds, promptUtt, vocoder, steps, temperature, out));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void demand(boolean holds, String message) {
    if (!holds) {
      throw new StageFailure(ExitCode.USAGE, "Usage", message);
    }
  }
}
