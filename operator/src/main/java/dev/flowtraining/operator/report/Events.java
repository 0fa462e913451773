package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.build.Names;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the story as events of the FlowTraining, in order, from a thread of its own: no step waits for them. One that
 * is lost is logged: it changes nothing.
 */
final class Events implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Events.class);
  private static final int MAX_MESSAGE = 1024;
  /** Where more would wait, the step that has something to tell writes it itself. */
  private static final int MOST_WAITING = 100;
  private static final Duration LAST_WORDS = Duration.ofSeconds(3);

  private final KubernetesClient client;
  private final ThreadPoolExecutor writer = new ThreadPoolExecutor(1, 1, 1, TimeUnit.MINUTES,
      new LinkedBlockingQueue<>(MOST_WAITING), Thread.ofPlatform().daemon().name("events").factory(),
      new ThreadPoolExecutor.CallerRunsPolicy());

  Events(KubernetesClient client) {
    this.client = client;
    writer.allowCoreThreadTimeOut(true);
  }

  void write(FlowTraining ft, List<Story.Line> lines, Instant now) {
    for (Story.Line line : lines) {
      LOG.info("{}/{}: {}: {}", ft.getMetadata().getNamespace(), ft.getMetadata().getName(), line.reason().id(),
          line.message());
      Event event = event(ft, line, now);
      writer.execute(() -> create(event));
    }
  }

  private void create(Event event) {
    try {
      client.resource(event).create();
    } catch (KubernetesClientException e) {
      LOG.warn("event {} of {}/{} was not written: {}", event.getReason(), event.getMetadata().getNamespace(),
          event.getInvolvedObject().getName(), e.getMessage());
    }
  }

  /** Writes what waits, if that is soon done. */
  @Override
  public void close() {
    writer.shutdown();
    try {
      writer.awaitTermination(LAST_WORDS.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Event event(FlowTraining ft, Story.Line line, Instant now) {
    String time = now.toString();
    String message = line.message().length() <= MAX_MESSAGE ? line.message()
        : line.message().substring(0, MAX_MESSAGE - 3) + "...";
    return new EventBuilder()
        .withNewMetadata().withGenerateName(ft.getMetadata().getName() + ".")
        .withNamespace(ft.getMetadata().getNamespace())
        .endMetadata()
        .withNewInvolvedObject()
        .withApiVersion(ft.getApiVersion()).withKind(ft.getKind()).withName(ft.getMetadata().getName())
        .withNamespace(ft.getMetadata().getNamespace()).withUid(ft.getMetadata().getUid())
        .withResourceVersion(ft.getMetadata().getResourceVersion())
        .endInvolvedObject()
        .withReason(line.reason().id()).withMessage(message).withType(line.warning() ? "Warning" : "Normal")
        .withNewSource().withComponent(Names.MANAGER).endSource()
        .withReportingComponent(Names.MANAGER)
        .withFirstTimestamp(time).withLastTimestamp(time).withCount(1)
        .build();
  }
}
