package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;

/** Stage 5. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record AveragingSpec(
    @JsonPropertyDescription("How many checkpoints are averaged; fewer if there are not as many.")
    @Min(1)
    @Max(100)
    Integer num,

    @JsonPropertyDescription("Which ones: the last; valBest, those of the lowest validation loss; or ema, the moving "
        + "average of the weights that the newest holds (train_conf.ema_decay).")
    AverageBy by) {

  public AveragingSpec {
    num = num == null ? 5 : num;
    by = by == null ? AverageBy.LAST : by;
  }
}
