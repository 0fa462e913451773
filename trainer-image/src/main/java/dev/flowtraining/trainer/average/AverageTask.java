package dev.flowtraining.trainer.average;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stage 5: the mean of the last N checkpoints, or of the N with the lowest validation loss; or the moving average that
 * training kept, of the newest checkpoint that has one. Where the best checkpoint alone is better, that.
 */
public final class AverageTask implements StageTask {
  private static final int FORMAT = 2;
  private static final Logger LOG = LoggerFactory.getLogger(AverageTask.class);

  @Override
  public String inputHash(StageContext context) throws IOException {
    StageOptions options = context.options();
    return InputHash.start().add("average").add(FORMAT).add(options.averageNum()).add(options.averageBy())
        .add(StageRecord.require(context.layout(), Stage.TRAIN).outputHash()).hex();
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    return Files.isRegularFile(context.layout().averaged());
  }

  @Override
  public Result run(StageContext context) throws IOException {
    RunLayout layout = context.layout();
    boolean best = context.options().averageBy().equals("valBest");
    int num = context.options().averageNum();
    List<String> passedOver = new ArrayList<>();
    List<Candidate> candidates = Candidate.of(layout, passedOver::add);
    boolean moving = context.options().averageBy().equals("ema");
    Map<Path, StateDict> chosen =
        moving ? newestAverage(candidates, passedOver) : choose(candidates, num, best, passedOver);
    passedOver.forEach(LOG::warn);
    if (moving && chosen.isEmpty()) {
      throw new StageFailure(ExitCode.MISSING, "NoCheckpoint", "no checkpoint in " + layout.experiment()
          + " holds a moving average of the weights" + (passedOver.isEmpty() ? "" : " (" + passedOver.getFirst() + ")")
          + "; train with train_conf.ema_decay, or average by last");
    }
    if (chosen.isEmpty()) {
      throw new StageFailure(ExitCode.MISSING, "NoCheckpoint", "there is no readable checkpoint "
          + (best && !candidates.isEmpty() ? "with a validation loss " : "") + "in " + layout.experiment()
          + (passedOver.isEmpty() ? "" : " (" + passedOver.getFirst() + ")") + "; run stage train first"
          + (best ? ", with validation data, or average by last" : ""));
    }
    if (chosen.size() < num && !moving) {
      LOG.warn("averaging {} checkpoints, as there are no more; {} were asked for", chosen.size(), num);
    }
    context.progress().update(Stage.AVERAGE, 0.3, "averaging " + chosen.size() + " checkpoints");
    Verdict verdict = Verdict.of(context, Mean.of(chosen),
        candidates.stream().filter(c -> !superseded(c, candidates, passedOver)).toList(), chosen.keySet());
    StateDictFile.write(layout.averaged(), verdict.weights());
    Map<String, Object> counts = new LinkedHashMap<>();
    counts.put("averaged", chosen.size());
    counts.put("asked", moving ? 1 : num);
    counts.put("by", context.options().averageBy());
    counts.put("checkpoints", chosen.keySet().stream().map(f -> layout.root().relativize(f).toString()).toList());
    counts.put("passedOver", passedOver.size());
    counts.putAll(verdict.counts());
    return new Result(counts, InputHash.ofFile(layout.averaged()));
  }

  private static Map<Path, StateDict> newestAverage(List<Candidate> candidates, List<String> passedOver) {
    for (Candidate candidate : candidates.stream().sorted(Candidate.NEWEST).toList()) {
      if (Files.isRegularFile(candidate.average())) {
        try {
          return Map.of(candidate.average(), StateDictFile.read(candidate.average()));
        } catch (StageFailure e) {
          passedOver.add("passed over " + candidate.average() + ": " + e.getMessage());
        }
      }
    }
    return Map.of();
  }

  /** Reads the best or newest N that are whole; in the place of one that is not the one before is taken. */
  static Map<Path, StateDict> choose(List<Candidate> candidates, int num, boolean best, List<String> passedOver) {
    List<Candidate> ordered = candidates.stream().filter(c -> !best || c.cvLoss() != null)
        .sorted(best ? Candidate.BEST : Candidate.NEWEST).toList();
    Map<Path, StateDict> chosen = new LinkedHashMap<>();
    Set<Long> steps = new HashSet<>();
    for (Candidate candidate : ordered) {
      // an earlier attempt's checkpoint of the same step, or a step's and an epoch's, would count twice
      if (chosen.size() == num || steps.contains(candidate.step())
          || best && superseded(candidate, candidates, passedOver)) {
        continue;
      }
      try {
        chosen.put(candidate.validated(), StateDictFile.read(candidate.validated()));
        steps.add(candidate.step());
      } catch (StageFailure e) {
        passedOver.add("passed over " + candidate.validated() + ": " + e.getMessage());
      }
    }
    return chosen;
  }

  /** Whether a later attempt wrote the same checkpoint again, and wrote it whole. */
  private static boolean superseded(Candidate candidate, List<Candidate> all, List<String> passedOver) {
    return all.stream().anyMatch(c -> c.attempt() > candidate.attempt() && c.name().equals(candidate.name())
        && passedOver.stream().noneMatch(p -> p.contains(c.validated().toString())));
  }
}
