package dev.flowtraining.operator.apply;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.build.Children;
import dev.flowtraining.operator.build.Names;
import io.fabric8.kubernetes.api.model.DeletionPropagation;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.resource.v1.ResourceClaimTemplate;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/** The only writer of children. Every operation may be repeated: reconciles are. */
public final class Applier {

  private final KubernetesClient client;

  public Applier(KubernetesClient client) {
    this.client = client;
  }

  /**
   * Writes what a decision asks for.
   *
   * @param fresh nothing of this run is there yet, as far as the caches know: what is applied is created without a look
   * @throws KubernetesClientException when the API server refuses an object
   */
  public void apply(FlowTraining ft, Children children, boolean fresh) {
    atOnce(children.applied(), object -> bring(ft, object, fresh));
    for (HasMetadata object : children.created()) {
      create(ft, object);
    }
    for (HasMetadata object : children.granted()) {
      bring(ft, object, fresh);
    }
    for (String job : children.deletedJobs()) {
      client.batch().v1().jobs().inNamespace(ft.getMetadata().getNamespace()).withName(job)
          .withPropagationPolicy(DeletionPropagation.BACKGROUND).delete();
    }
    for (HasMetadata object : children.deleted()) {
      delete(ft, object);
    }
    for (String pod : children.lostPods()) {
      client.pods().inNamespace(ft.getMetadata().getNamespace()).withName(pod).withGracePeriod(0).delete();
    }
  }

  /** Side by side: each waits for the API server, which is most of the time until a Job can be created. */
  private static void atOnce(List<HasMetadata> objects, Consumer<HasMetadata> write) {
    try {
      CompletableFuture.allOf(objects.stream()
          .map(object -> CompletableFuture.runAsync(() -> write.accept(object), Thread::startVirtualThread))
          .toArray(CompletableFuture[]::new)).join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException refused ? refused : e;
    }
  }

  /** Nothing is written when the object is there as it should be, which is what nearly every stage finds. */
  private void bring(FlowTraining ft, HasMetadata object, boolean fresh) {
    if (fresh && inTheWay(object).isEmpty()) {
      return;
    }
    HasMetadata existing = client.resource(object).get();
    if (existing == null) {
      client.resource(object).create();
      return;
    }
    refuseForeign(ft, existing);
    if (!ft.getMetadata().getUid().equals(existing.getMetadata().getLabels().get(Names.RUN_ID))) {
      // adopted whole: a merge would keep the owner that is gone
      client.resource(object).lockResourceVersion(existing.getMetadata().getResourceVersion()).update();
    } else if (!Contained.in(existing, object)) {
      client.resource(object).fieldManager(Names.MANAGER).forceConflicts().serverSideApply();
    }
  }

  /** Server-side apply would take over an object that somebody else made under one of our names. */
  private static void refuseForeign(FlowTraining ft, HasMetadata existing) {
    // of this FlowTraining, or of a deleted one of the same name: that one's objects are adopted
    Map<String, String> labels = existing.getMetadata().getLabels();
    boolean ours = Names.MANAGER.equals(labels.get(Names.MANAGED_BY))
        && ft.getMetadata().getName().equals(labels.get(Names.NAME));
    if (!ours) {
      throw new KubernetesClientException(existing.getKind() + " '" + existing.getMetadata().getName()
          + "' is there already and was not made for this FlowTraining: rename or delete it, and the run goes on, or "
          + "give the FlowTraining another name", HttpURLConnection.HTTP_CONFLICT, null);
    }
  }

  /** What a user, or another FlowTraining of this name, has made meanwhile stays. */
  private void delete(FlowTraining ft, HasMetadata object) {
    HasMetadata existing = client.resource(object).get();
    if (existing == null) {
      return;
    }
    String uid = ft.getMetadata().getUid();
    boolean itself = uid.equals(existing.getMetadata().getUid())
        // a changed one is looked at again first
        && ft.getMetadata().getGeneration().equals(existing.getMetadata().getGeneration());
    boolean own = existing.getMetadata().getLabels() != null
        && uid.equals(existing.getMetadata().getLabels().get(Names.RUN_ID));
    if (itself || own) {
      client.resource(existing).lockResourceVersion(existing.getMetadata().getResourceVersion()).delete();
    }
  }

  /** A Job is created once under a name that is used once: a stale cache cannot make a second one of an attempt. */
  private void create(FlowTraining ft, HasMetadata object) {
    inTheWay(object).ifPresent(conflict -> {
      HasMetadata existing = client.resource(object).get();
      boolean ours = existing instanceof PersistentVolumeClaim
          || (existing instanceof Job || existing instanceof ResourceClaimTemplate)
          && ft.getMetadata().getUid().equals(existing.getMetadata().getLabels().get(Names.RUN_ID));
      if (!ours) {
        throw conflict;
      }
    });
  }

  /** Creates it; the API server's words if something of that name is there. */
  private Optional<KubernetesClientException> inTheWay(HasMetadata object) {
    try {
      client.resource(object).create();
      return Optional.empty();
    } catch (KubernetesClientException e) {
      if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
        throw e;
      }
      return Optional.of(e);
    }
  }
}
