package dev.flowtraining.trainer;

import dev.flowtraining.trainer.check.ModelsCheck;
import java.io.PrintStream;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code flow-trainer models check DIR}. */
@Command(name = "flow-trainer models", usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
    versionProvider = CommandLineOptions.Version.class,
    description = "Looks for the released models (CAM++, dual-codebook tokenizer) and tries each on a second of sound.",
    footer = {"", "Exit codes: 0 all are there and run, 66 something is missing or does not run."})
final class ModelsCommand implements PrintingCommand {
  static final String NAME = "models";

  @Parameters(index = "0", paramLabel = "check", description = "the only thing to do with models")
  String verb;

  @Parameters(index = "1", paramLabel = "DIR", description = "the folder that has Step-Audio-Tokenizer and"
      + " Step-Audio-EditX/CosyVoice-300M-25Hz, or their files")
  Path folder;

  @Option(names = "--device", paramLabel = "NAME", defaultValue = "auto",
      description = "auto, cpu or cuda (${DEFAULT-VALUE})")
  String device = "auto";

  @Override
  public void run(PrintStream out) {
    if (!verb.equals("check") || !device.matches(CommandLineOptions.DEVICES)) {
      throw new StageFailure(ExitCode.USAGE, "Usage", "models " + verb + " --device " + device
          + " is not understood; flow-trainer models check DIR [--device auto|cpu|cuda]");
    }
    new ModelsCheck(folder, device).run(out);
  }
}
