package dev.flowtraining.operator.e2e;

import java.util.List;

/**
 * A FlowTraining to which something happens, and what it must go through. One that ends with {@code Succeeded} must
 * have the weights of an undisturbed run.
 *
 * @param spec YAML
 * @param epochs of the training
 * @param everyBuild whether it belongs to the subset of {@code ./flow test}
 * @param alone whether it disturbs the whole cluster
 * @param before what is done before the FlowTraining is applied
 * @param fault what happens from then on
 * @param transitions see {@link Transitions}
 */
record FaultCase(String name, String spec, int epochs, boolean everyBuild, boolean alone, Fault before, Fault fault,
    List<String> transitions) {

  /** What happens. */
  @FunctionalInterface
  interface Fault {
    void befalls(FaultedRun run) throws Exception;
  }

  FaultCase(String name, String spec, Fault fault, List<String> transitions) {
    this(name, spec, Specs.FAULTS_EPOCHS, false, false, run -> {}, fault, transitions);
  }

  FaultCase inEveryBuild() {
    return new FaultCase(name, spec, epochs, true, alone, before, fault, transitions);
  }

  FaultCase onItsOwn() {
    return new FaultCase(name, spec, epochs, everyBuild, true, before, fault, transitions);
  }

  FaultCase before(Fault first) {
    return new FaultCase(name, spec, epochs, everyBuild, alone, first, fault, transitions);
  }

  FaultCase training(int otherEpochs) {
    return new FaultCase(name, Specs.training(otherEpochs), otherEpochs, everyBuild, alone, before, fault, transitions);
  }

  /** @param more of spec.training */
  FaultCase training(String more) {
    return spec("gpus: 2}", "gpus: 2, " + more + "}");
  }

  FaultCase spec(String part, String instead) {
    if (!spec.contains(part)) {
      throw new IllegalArgumentException(part + " is not in " + spec);
    }
    return new FaultCase(name, spec.replace(part, instead), epochs, everyBuild, alone, before, fault, transitions);
  }

  /** Whether it begins with the data of the undisturbed run. */
  boolean isPrepared() {
    return spec.contains(Specs.FROM_TRAIN);
  }
}
