package dev.flowtraining.trainer;

import java.io.PrintStream;

/** A command beside the stages, which answers on standard output and makes nothing in a run. */
interface PrintingCommand {
  void run(PrintStream out);

  /** The command of that name, or null when it is none of these. */
  static PrintingCommand named(String name) {
    return switch (name) {
      case BenchCommand.NAME -> new BenchCommand();
      case ModelsCommand.NAME -> new ModelsCommand();
      case InspectCommand.NAME -> new InspectCommand();
      case SynthesizeCommand.NAME -> new SynthesizeCommand();
      case ConfigCommand.NAME -> new ConfigCommand();
      case CleanCommand.NAME -> new CleanCommand();
      default -> null;
    };
  }
}
