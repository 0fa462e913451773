package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.UtteranceFilter;
import dev.flowtraining.trainer.data.Workers;
import dev.flowtraining.trainer.validate.Check.Severity;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code flow-trainer validate}: looks at data without changing it, a user's folder before any stage or the Parquet
 * files after stage 3. Utterances stream through; what stays is a few numbers and the name of each.
 */
public final class Validate {
  private static final int RELEASED_MODELS_RATE = 16_000;
  private static final long BETWEEN_LINES = 10_000_000_000L; // ns

  private final RunLayout layout;
  private final StageOptions options;
  private final FlowConfig config;
  private final PrintStream out;

  /** @param out where the table goes */
  public Validate(RunLayout layout, StageOptions options, FlowConfig config, PrintStream out) {
    this.layout = layout;
    this.options = options;
    this.config = config;
    this.out = out;
  }

  /** @throws StageFailure 64 {@code InvalidData} when something is wrong, after everything was looked at and written */
  public void run() throws IOException, InterruptedException {
    Path folder = layout.validation();
    try (Findings findings = new Findings(folder.resolve("findings.tsv")); Workers workers = Workers.start()) {
      Map<String, Path> inputs = inputs();
      SeenBefore seen = new SeenBefore();
      List<SplitSummary> splits = new ArrayList<>();
      for (Map.Entry<String, Path> input : inputs.entrySet()) {
        splits.add(summarise(input.getKey(), input.getValue(), seen, findings, workers));
      }
      findings.finish();
      Outcome outcome = new Outcome(inputs, splits, findings);
      Map<String, Chart> charts = Charts.of(splits);
      for (Map.Entry<String, Chart> chart : charts.entrySet()) {
        WholeFile.bytes(folder.resolve(chart.getKey() + ".png"), chart.getValue().png());
      }
      WholeFile.text(folder.resolve("validate.json"), outcome.json());
      WholeFile.text(folder.resolve("validate.html"), ValidationPage.of(outcome, charts));
      outcome.print(out);
      out.println("report: " + folder.resolve("validate.html"));
      require(findings);
    }
  }

  private SplitSummary summarise(String split, Path input, SeenBefore seen, Findings findings, Workers workers)
      throws IOException, InterruptedException {
    SplitSummary summary = new SplitSummary(split);
    Inspection inspection = new Inspection(split, config, new UtteranceFilter(config.datasetConf().filterConf()), minRate());
    Iterator<Item> items = Files.isDirectory(input) ? Recordings.open(split, input, options.pathPrefix(), findings)
        : ParquetRows.open(split, input, findings);
    long[] last = {System.nanoTime()};
    workers.map(() -> items, inspection::of, (item, facts) -> {
      for (Finding f : facts.findings()) {
        findings.add(f);
      }
      for (Finding f : seen.findings(split, facts)) {
        findings.add(f);
      }
      summary.add(facts);
      if (System.nanoTime() - last[0] > BETWEEN_LINES) {
        last[0] = System.nanoTime();
        out.println("validate: %s, %,d utterances so far".formatted(split, summary.utterances));
      }
    });
    for (Finding f : summary.findings()) {
      findings.add(f);
    }
    return summary;
  }

  /** Folders as a user gives them, or lists of Parquet files. */
  private Map<String, Path> inputs() {
    Map<String, Path> inputs = new LinkedHashMap<>();
    if (options.train() == null && options.dev() == null) {
      for (String split : List.of("train", "dev")) {
        if (Files.exists(layout.dataList(split))) {
          inputs.put(split, layout.dataList(split));
        }
      }
      if (inputs.isEmpty()) {
        throw new StageFailure(ExitCode.MISSING, "DataNotFound", layout.dataList("train")
            + " is not there; run the stages 0-3 first, or give --train with a folder or a data.list");
      }
      return inputs;
    }
    put(inputs, "train", options.train());
    put(inputs, "dev", options.dev());
    return inputs;
  }

  private static void put(Map<String, Path> inputs, String split, Path path) {
    if (path == null) {
      return;
    }
    if (!Files.exists(path)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound",
          "--" + split + " " + path + " is not there; give a folder with wav.scp, a folder of audio, or a data.list");
    }
    boolean parquet = Files.isDirectory(path) && Files.exists(path.resolve("data.list"));
    inputs.put(split, parquet ? path.resolve("data.list") : path);
  }

  private int minRate() {
    boolean builtin = options.speakerEncoder().equals("builtin") && options.tokenizer().equals("builtin");
    return builtin ? 1 : RELEASED_MODELS_RATE;
  }

  private static void require(Findings findings) {
    int errors = findings.count(Severity.ERROR);
    if (errors > 0) {
      Finding first = findings.first(Severity.ERROR).getFirst();
      throw new StageFailure(ExitCode.BAD_DATA, "InvalidData", "%,d error(s) in the data, the first: %s %s; each is listed in %s"
          .formatted(errors, first.subject(), first.check().id(), findings.file()));
    }
  }
}
