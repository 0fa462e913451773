package dev.flowtraining.operator.observe;

import java.time.Instant;

/**
 * The Job that tidies up after a FlowTraining, as far as decisions need it.
 *
 * @param failed whether it will not be tried again
 * @param problem what is known of that; empty while nothing is
 */
public record CleanUpView(Instant created, boolean complete, boolean failed, String problem) {
}
