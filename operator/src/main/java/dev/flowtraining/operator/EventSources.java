package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.Kept;
import dev.flowtraining.operator.observe.Progress;
import dev.flowtraining.operator.report.OperatorMetrics;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.javaoperatorsdk.operator.api.config.informer.InformerEventSourceConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.informer.InformerEventSource;
import io.javaoperatorsdk.operator.processing.event.source.informer.TransformingItemStore;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Jobs, pods, progress and TensorBoard of every FlowTraining: found by label, so that the caches hold nothing else.
 */
final class EventSources {

  private static final String OURS = Names.NAME + "," + Names.STAGE;
  private static final String TENSORBOARD = Names.NAME + "," + Names.COMPONENT + "=" + Names.TENSORBOARD;
  private static final String PROGRESS = Names.NAME + "," + Names.COMPONENT + "=" + Names.PROGRESS;

  /** So many objects are read at once at the start: the heap holds a page of whole ones, not all. */
  static final long PAGE = 100;

  private EventSources() {
  }

  static List<EventSource<?, FlowTraining>> of(EventSourceContext<FlowTraining> context, OperatorMetrics metrics) {
    return List.of(
        new InformerEventSource<>(configuration(Job.class, OURS)
            .withItemStore(new TransformingItemStore<>(Kept::of)).withOnUpdateFilter(Kept::changed).build(), context),
        new InformerEventSource<>(configuration(Pod.class, OURS)
            .withItemStore(new TransformingItemStore<>(Kept::of)).withOnUpdateFilter(Kept::changed).build(), context),
        new InformerEventSource<>(configuration(ConfigMap.class, PROGRESS)
            .withOnUpdateFilter((now, before) -> changed(now, before, metrics)).build(), context),
        new InformerEventSource<>(configuration(Deployment.class, TENSORBOARD)
            .withOnUpdateFilter(EventSources::changed).build(), context),
        new InformerEventSource<>(configuration(Service.class, TENSORBOARD).build(), context));
  }

  private static <R extends HasMetadata> InformerEventSourceConfiguration.Builder<R> configuration(Class<R> type,
      String selector) {
    return InformerEventSourceConfiguration.from(type, FlowTraining.class)
        .withLabelSelector(selector)
        .withInformerListLimit(PAGE)
        .withNamespacesInheritedFromController()
        .withSecondaryToPrimaryMapper(object -> Set.of(
            new ResourceID(object.getMetadata().getLabels().get(Names.NAME), object.getMetadata().getNamespace())));
  }

  private static boolean changed(Deployment now, Deployment before) {
    return !now.getMetadata().getGeneration().equals(before.getMetadata().getGeneration())
        || !Objects.equals(now.getMetadata().getDeletionTimestamp(), before.getMetadata().getDeletionTimestamp())
        || !Objects.equals(now.getStatus(), before.getStatus());
  }

  /** Counts what is dropped where a report arrives once, not where it is read again and again. */
  private static boolean changed(ConfigMap now, ConfigMap before, OperatorMetrics metrics) {
    boolean changed = !now.getData().equals(before.getData());
    int dropped = changed ? Progress.parse(now.getData()).dropped() : 0;
    if (dropped > 0) {
      metrics.dropped(dropped);
    }
    return changed;
  }
}
