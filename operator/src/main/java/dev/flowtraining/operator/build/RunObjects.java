package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.ClaimTemplate;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.RetainPolicy;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.rbac.RoleBindingBuilder;
import io.fabric8.kubernetes.api.model.rbac.RoleBuilder;
import java.util.List;
import java.util.Optional;

/**
 * What all stages of a run share: the ConfigMap for progress and the right to patch it, the claim.
 */
final class RunObjects {

  private RunObjects() {
  }

  /** Without data: its keys belong to the trainer, and server-side apply leaves them alone. */
  static ConfigMap progress(FlowTraining ft) {
    ObjectMeta meta = meta(ft, Names.progress(ft));
    meta.getLabels().put(Names.COMPONENT, Names.PROGRESS);
    return new ConfigMapBuilder().withMetadata(meta).build();
  }

  static ServiceAccount account(FlowTraining ft) {
    return new ServiceAccountBuilder().withMetadata(meta(ft, Names.progress(ft)))
        .withAutomountServiceAccountToken(false).build();
  }

  /** A stage may read and patch this one object and nothing else. */
  static List<HasMetadata> rights(FlowTraining ft) {
    String name = Names.progress(ft);
    return List.of(
        new RoleBuilder().withMetadata(meta(ft, name))
            .addNewRule().withApiGroups("").withResources("configmaps").withResourceNames(name)
            .withVerbs("get", "patch").endRule().build(),
        new RoleBindingBuilder().withMetadata(meta(ft, name))
            .withNewRoleRef().withApiGroup("rbac.authorization.k8s.io").withKind("Role").withName(name).endRoleRef()
            .addNewSubject().withKind("ServiceAccount").withName(name).withNamespace(ft.getMetadata().getNamespace())
            .endSubject().build());
  }

  static Optional<PersistentVolumeClaim> workspace(FlowTraining ft) {
    ClaimTemplate template = ft.getSpec().workspace().volume().volumeClaimTemplate();
    if (template == null) {
      return Optional.empty();
    }
    ObjectMeta meta = meta(ft, Names.workspace(ft));
    if (template.retain() == RetainPolicy.RETAIN) {
      meta.setOwnerReferences(List.of());
    }
    return Optional.of(new PersistentVolumeClaimBuilder().withMetadata(meta)
        .withNewSpec()
        .withStorageClassName(template.storageClassName())
        .withAccessModes(template.accessMode().id())
        .withNewResources().addToRequests("storage", new Quantity(template.storage())).endResources()
        .endSpec().build());
  }

  static ObjectMeta meta(FlowTraining ft, String name) {
    return new ObjectMetaBuilder().withName(name).withNamespace(ft.getMetadata().getNamespace())
        .withLabels(Names.labels(ft)).withOwnerReferences(Owner.of(ft)).build();
  }
}
