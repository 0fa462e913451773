package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.AttemptOutcome;
import dev.flowtraining.operator.api.v1alpha1.AttemptStatus;
import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.decide.Decision;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** The last attempts of all stages, the newest last. Steps of a stage that several pods share belong to one attempt. */
final class AttemptHistory {

  static final int KEPT = 10;
  private static final int MAX_MESSAGE = 256;

  private AttemptHistory() {
  }

  static List<AttemptStatus> after(FlowTraining ft, FlowTrainingStatus status, Decision decision, String time) {
    return switch (decision) {
      case Decision.Start start -> started(ft, status, start, time);
      case Decision.Complete end -> changed(status, end.stage(),
          a -> a.ended(AttemptOutcome.SUCCEEDED, time, null, null));
      case Decision.Restart end -> changed(status, end.stage(),
          a -> failed(a, end.failureClass(), end.failure().details(), time));
      case Decision.Fail end -> changed(status, end.stage(),
          a -> failed(a, end.failureClass(), end.failure().details(), time));
      case Decision.Suspend end -> changed(status, end.stage(),
          a -> a.ended(AttemptOutcome.SUSPENDED, time, null, null));
      default -> status.attempts();
    };
  }

  private static List<AttemptStatus> started(FlowTraining ft, FlowTrainingStatus status, Decision.Start start,
      String time) {
    List<AttemptStatus> all = new ArrayList<>(status.attempts());
    boolean nextStep = all.stream().anyMatch(a -> a.stage() == start.stage() && a.attempt() == start.attempt());
    if (!nextStep) {
      all.add(new AttemptStatus(start.stage(), start.attempt(), AttemptOutcome.RUNNING, time, null,
          start.stage().isTraining() ? ft.getSpec().training().gpus() : null, start.resumeFrom().orElse(null), null,
          null));
    }
    return all.subList(Math.max(0, all.size() - KEPT), all.size());
  }

  private static AttemptStatus failed(AttemptStatus attempt, FailureClass failureClass, LastFailure why, String time) {
    AttemptOutcome outcome =
        failureClass == FailureClass.DISRUPTION ? AttemptOutcome.DISRUPTED : AttemptOutcome.FAILED;
    String sentence = Story.describe(why);
    return attempt.ended(outcome, time, why.reason(), sentence.length() <= MAX_MESSAGE ? sentence
        : sentence.substring(0, MAX_MESSAGE - 3) + "...");
  }

  /** What has ended stays as it ended. */
  private static List<AttemptStatus> changed(FlowTrainingStatus status, Stage stage,
      UnaryOperator<AttemptStatus> change) {
    return status.attempts().stream()
        .map(a -> a.stage() == stage && a.outcome() == AttemptOutcome.RUNNING ? change.apply(a) : a).toList();
  }
}
