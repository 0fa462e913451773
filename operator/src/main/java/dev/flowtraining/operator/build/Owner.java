package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;

/** Every child goes when its FlowTraining goes. */
final class Owner {

  private Owner() {
  }

  static OwnerReference of(FlowTraining ft) {
    return new OwnerReferenceBuilder()
        .withApiVersion(ft.getApiVersion()).withKind(ft.getKind())
        .withName(ft.getMetadata().getName()).withUid(ft.getMetadata().getUid())
        .withController(true).withBlockOwnerDeletion(true)
        .build();
  }
}
