package dev.flowtraining.trainer.average;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.heldout.HeldOutLoss;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which weights the run ends with, the mean or the best checkpoint, by their validation loss; and whether they are better
 * than the model that training started from.
 *
 * @param counts for the stage's record
 */
record Verdict(StateDict weights, Map<String, Object> counts) {
  private static final Logger LOG = LoggerFactory.getLogger(Verdict.class);

  /** @param averaged the checkpoints that the mean is of */
  static Verdict of(StageContext context, StateDict mean, List<Candidate> candidates, Set<Path> averaged)
      throws IOException {
    RunLayout layout = context.layout();
    Map<String, Object> counts = new LinkedHashMap<>();
    if (!HeldOutLoss.possible(layout)) {
      counts.put("exported", "averaged");
      LOG.warn("there are no held-out utterances in {}: the mean is not validated", layout.dataList("dev"));
      return new Verdict(mean, counts);
    }
    context.progress().update(Stage.AVERAGE, 0.6, "validating the mean");
    HeldOutLoss ofMean = HeldOutLoss.of(layout, context.config(), mean, context.options().device());
    counts.put("averagedCvLoss", ofMean.all());
    Optional<Candidate> best = candidates.stream().filter(c -> c.cvLoss() != null).min(Candidate.BEST);
    best.ifPresent(b -> {
      counts.put("bestCvLoss", b.cvLoss());
      counts.put("bestCheckpoint", layout.root().relativize(b.validated()).toString());
    });
    Optional<StateDict> better = best.filter(b -> b.cvLoss() < ofMean.all())
        .filter(b -> averaged.size() > 1 || !averaged.contains(b.validated())).flatMap(Verdict::read);
    counts.put("exported", better.isPresent() ? "best" : "averaged");
    LOG.info("the mean of {} checkpoints has the validation loss {}{}: the {} goes on", averaged.size(), ofMean.text(),
        best.map(b -> String.format(Locale.ROOT, ", the best checkpoint %.4f", b.cvLoss())).orElse(""),
        better.isPresent() ? "best checkpoint" : "mean");
    StateDict weights = better.orElse(mean);
    Optional<HeldOutLoss> base = HeldOutLoss.read(layout.baseLoss());
    if (base.isPresent()) {
      context.progress().update(Stage.AVERAGE, 0.8, "comparing with the model that training started from");
      HeldOutLoss tuned = better.isPresent()
          ? HeldOutLoss.of(layout, context.config(), weights, context.options().device()) : ofMean;
      Map<String, String> verdict = tuned.against(base.get());
      counts.put("base", base.get());
      counts.put("tuned", tuned);
      counts.put("againstBase", verdict);
      LOG.info("against the model that training started from: {}; validation loss {} against {}", verdict, tuned.text(),
          base.get().text());
    }
    return new Verdict(weights, counts);
  }

  private static Optional<StateDict> read(Candidate best) {
    try {
      return Optional.of(StateDictFile.read(best.validated()));
    } catch (StageFailure e) {
      LOG.warn("the best checkpoint cannot be read, so the mean goes on: {}", e.getMessage());
      return Optional.empty();
    }
  }
}
