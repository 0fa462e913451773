package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.build.Names;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Instant;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes the story as events of the FlowTraining. One that is lost is logged: it changes nothing. */
final class Events {

  private static final Logger LOG = LoggerFactory.getLogger(Events.class);
  private static final int MAX_MESSAGE = 1024;

  private Events() {
  }

  static void write(KubernetesClient client, FlowTraining ft, List<Story.Line> lines, Instant now) {
    for (Story.Line line : lines) {
      LOG.info("{}/{}: {}: {}", ft.getMetadata().getNamespace(), ft.getMetadata().getName(), line.reason().id(),
          line.message());
      try {
        client.resource(event(ft, line, now)).create();
      } catch (KubernetesClientException e) {
        LOG.warn("event {} of {}/{} was not written: {}", line.reason().id(), ft.getMetadata().getNamespace(),
            ft.getMetadata().getName(), e.getMessage());
      }
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
