package dev.flowtraining.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.api.config.informer.InformerConfiguration;
import io.quarkiverse.operatorsdk.runtime.QuarkusConfigurationService;
import io.quarkiverse.operatorsdk.runtime.QuarkusControllerConfiguration;

/**
 * A controller's configuration with triggerReconcilerOnAllEvents, which the extension (7.7.0) loses on its way from the
 * annotation. Without it the framework reconciles nothing that is deleted, and a finalizer keeps it for ever.
 */
final class OnAllEvents<P extends HasMetadata> extends QuarkusControllerConfiguration<P> {

  OnAllEvents(QuarkusControllerConfiguration<P> like) {
    super(paged(like.getInformerConfig()), like.getName(), like.isGenerationAware(), like.getAssociatedReconcilerClassName(),
        like.getRetry(), like.getRateLimiter(), like.maxReconciliationInterval().orElseThrow(),
        like.getFinalizerName(), like.fieldManager(), like.getWorkflow(), like.getResourceTypeName(),
        like.getResourceClass());
    setParent((QuarkusConfigurationService) like.getConfigurationService());
  }

  private static <P extends HasMetadata> InformerConfiguration<P> paged(InformerConfiguration<P> like) {
    return InformerConfiguration.builder(like).withInformerListLimit(EventSources.PAGE).build();
  }

  @Override
  public boolean triggerReconcilerOnAllEvents() {
    return true;
  }
}
