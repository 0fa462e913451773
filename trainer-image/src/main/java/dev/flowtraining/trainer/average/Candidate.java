package dev.flowtraining.trainer.average;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.flowtraining.trainer.RunLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A checkpoint that may be averaged: weights, and the yaml beside them, which training writes after them.
 *
 * @param file {@code epoch_N_whole.pt} or {@code step_N.pt}
 * @param attempt the later of two attempts wins
 * @param cvLoss validation loss, null for a checkpoint that was not validated
 * @param ofAverage whether that is the loss of the moving average of the weights
 */
record Candidate(Path file, int attempt, long step, Double cvLoss, boolean ofAverage) {
  private static final Pattern NAME = Pattern.compile("(epoch_\\d+_whole|step_\\d+)\\.pt");
  private static final Pattern ATTEMPT = Pattern.compile("attempt-(\\d+)");
  private static final YAMLMapper YAML = new YAMLMapper();

  /** Newest first: by optimizer step, then by attempt; an epoch's file before a step's of the same step. */
  static final Comparator<Candidate> NEWEST = Comparator.comparingLong(Candidate::step)
      .thenComparing(Candidate::attempt).thenComparing(Candidate::wholeEpoch).reversed();
  /** Lowest validation loss first. */
  static final Comparator<Candidate> BEST = Comparator.comparing(Candidate::cvLoss).thenComparing(NEWEST);

  boolean wholeEpoch() {
    return name().startsWith("epoch_");
  }

  String name() {
    return file.getFileName().toString();
  }

  /** Where the moving average of the weights is, if one was kept. */
  Path average() {
    return file.resolveSibling(name().replaceFirst("(_whole)?\\.pt$", "_ema.pt"));
  }

  /** The file of the weights that were validated: these go on. */
  Path validated() {
    return ofAverage ? average() : file;
  }

  /** All that the attempts of a run have left. What has no readable yaml is passed over, and said so. */
  static List<Candidate> of(RunLayout layout, Consumer<String> log) throws IOException {
    List<Candidate> all = new ArrayList<>();
    if (!Files.isDirectory(layout.experiment())) {
      return all;
    }
    try (Stream<Path> folders = Files.list(layout.experiment())) {
      for (Path folder : folders.filter(Files::isDirectory).sorted().toList()) {
        Matcher attempt = ATTEMPT.matcher(folder.getFileName().toString());
        if (attempt.matches()) {
          all.addAll(in(folder, Integer.parseInt(attempt.group(1)), log));
        }
      }
    }
    return all;
  }

  static List<Candidate> in(Path folder, int attempt, Consumer<String> log) throws IOException {
    List<Candidate> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> NAME.matcher(f.getFileName().toString()).matches()).sorted().toList()) {
        Path yaml = file.resolveSibling(file.getFileName().toString().replaceFirst("\\.pt$", ".yaml"));
        try {
          JsonNode info = YAML.readTree(yaml.toFile());
          JsonNode loss = info.at("/loss_dict/loss");
          boolean validated =
              info.path("tag").asText().equals("CV") && loss.isNumber() && !Double.isNaN(loss.asDouble());
          if (!info.path("step").canConvertToLong()) {
            throw new IOException("it has no 'step'");
          }
          found.add(new Candidate(file, attempt, info.path("step").asLong(), validated ? loss.asDouble() : null,
              info.path("validated").asText().equals("ema")));
        } catch (IOException e) {
          log.accept("passed over " + file + ": " + yaml.getFileName() + ": " + e.getMessage());
        }
      }
    }
    return found;
  }
}
