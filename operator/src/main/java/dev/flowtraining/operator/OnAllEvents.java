package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.decide.Rest;
import io.javaoperatorsdk.operator.api.config.informer.InformerConfiguration;
import io.quarkiverse.operatorsdk.runtime.QuarkusConfigurationService;
import io.quarkiverse.operatorsdk.runtime.QuarkusControllerConfiguration;

/**
 * The controller's configuration with triggerReconcilerOnAllEvents, which the extension (7.7.0) loses on its way from the
 * annotation. Without it the framework reconciles nothing that is deleted, and a finalizer keeps it for ever.
 */
final class OnAllEvents extends QuarkusControllerConfiguration<FlowTraining> {

  OnAllEvents(QuarkusControllerConfiguration<FlowTraining> like) {
    super(informer(like.getInformerConfig()), like.getName(), like.isGenerationAware(),
        like.getAssociatedReconcilerClassName(), like.getRetry(), like.getRateLimiter(),
        like.maxReconciliationInterval().orElseThrow(), like.getFinalizerName(), like.fieldManager(),
        like.getWorkflow(), like.getResourceTypeName(), like.getResourceClass());
    setParent((QuarkusConfigurationService) like.getConfigurationService());
  }

  /** What rests is not looked at when the operator starts; an event of its Job or pods does not change that. */
  private static InformerConfiguration<FlowTraining> informer(InformerConfiguration<FlowTraining> like) {
    return InformerConfiguration.builder(like).withInformerListLimit(EventSources.PAGE)
        .withOnAddFilter(ft -> !Rest.of(ft)).build();
  }

  @Override
  public boolean triggerReconcilerOnAllEvents() {
    return true;
  }
}
