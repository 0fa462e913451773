package dev.flowtraining.operator.e2e;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Points of a training at which something goes wrong. All but the first two lie behind the first checkpoint. */
enum Moment {
  /** Rank 0 waits for rank 1, which is held back. */
  RENDEZVOUS {
    @Override
    boolean is(Trace trace) {
      String words = trace.words();
      return words.contains("rank 0 waits for") && !words.contains("is here");
    }
  },
  /** The ranks have met, and no step is done. */
  FIRST_STEP {
    @Override
    boolean is(Trace trace) {
      return trace.lastLine().contains("parameters are trained");
    }
  },
  /** A part of a checkpoint has its temporary name. */
  CHECKPOINT_WRITE {
    @Override
    boolean is(Trace trace) {
      return trace.unfinished().stream().anyMatch(f -> f.matches("\\.epoch_[1-9]\\d*_.*"));
    }
  },
  /** The last step of an epoch is done, and its validation is not. */
  VALIDATION {
    @Override
    boolean is(Trace trace) {
      Matcher step = STEP.matcher(trace.lastLine());
      return step.find() && !step.group("epoch").equals("0") && step.group("step").equals(step.group("steps"));
    }
  },
  /** One step is left of the last epoch. */
  LAST_STEP {
    @Override
    boolean is(Trace trace) {
      Matcher step = STEP.matcher(trace.lastLine());
      return step.find() && Integer.parseInt(step.group("epoch")) == Specs.FAULTS_EPOCHS - 1
          && Integer.parseInt(step.group("step")) == Integer.parseInt(step.group("steps")) - 1;
    }
  };

  private static final Pattern STEP =
      Pattern.compile("epoch (?<epoch>\\d+) step \\d+ \\((?<step>\\d+)/(?<steps>\\d+)\\) loss");

  abstract boolean is(Trace trace);

  /** Over in milliseconds: a rank has to be brought there step by step, from the validation before it. */
  boolean isShort() {
    return this == CHECKPOINT_WRITE || this == LAST_STEP;
  }

  /** The same as {@link #is}, as a shell command. */
  String sign(String experiment, int attempt) {
    return this == CHECKPOINT_WRITE
        ? "ls -A " + experiment + "/attempt-" + attempt + " | grep -q '^[.]epoch_[1-9][0-9]*_.*tmp$'"
        : "tail -n 1 " + experiment + "/train.log | tr '(/)' '   ' | awk '{ exit !($2 == \"epoch\" && $3 == "
            + (Specs.FAULTS_EPOCHS - 1) + " && $4 == \"step\" && $6 == $7 - 1) }'";
  }

  /** What is held back does not pass. */
  Duration lookEvery() {
    return Duration.ofMillis(this == RENDEZVOUS ? 300 : 5);
  }

  /** Whether there is something to resume from. */
  boolean followsCheckpoint() {
    return this != RENDEZVOUS && this != FIRST_STEP;
  }

  /** As it stands in the name of a case. */
  String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
