package dev.flowtraining.operator.api.v1alpha1;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceColumnDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CrdTest {

  private static final Path FOLDER = Path.of(System.getProperty("crds.dir"));
  private static final Path FILE = FOLDER.resolve("flowtrainings.flowtraining.dev-v1.yml");
  private static final Path REFERENCE = FOLDER.resolve("README.md");

  @Test
  void theCheckedInCrdIsTheGeneratedOne() throws IOException {
    String generated = CrdYaml.generate();
    if (Boolean.getBoolean("crds.write")) {
      Files.writeString(FILE, generated);
    }
    assertThat(FILE).as("write it anew with: mvn -pl operator test -Dtest=CrdTest -Dcrds.write=true")
        .content().isEqualTo(generated);
  }

  @Test
  void theCheckedInReferenceIsTheGeneratedOne() throws IOException {
    String generated = CrdReference.of(crd());
    if (Boolean.getBoolean("crds.write")) {
      Files.writeString(REFERENCE, generated);
    }
    assertThat(REFERENCE).as("write it anew with: mvn -pl operator test -Dtest=CrdTest -Dcrds.write=true")
        .content().isEqualTo(generated);
  }

  @Test
  void everyFieldIsDescribed() {
    List<String> undescribed = new ArrayList<>();
    JSONSchemaProps root = crd().getSpec().getVersions().getFirst().getSchema().getOpenAPIV3Schema();
    collectUndescribed(root.getProperties().get("spec"), "spec", undescribed);
    collectUndescribed(root.getProperties().get("status"), "status", undescribed);
    assertThat(undescribed).isEmpty();
  }

  @Test
  void columnsStandInTheOrderOfTheDesign() {
    assertThat(crd().getSpec().getVersions().getFirst().getAdditionalPrinterColumns())
        .extracting(CustomResourceColumnDefinition::getName)
        .containsExactly("Phase", "Stage", "Progress", "Epoch", "Loss", "ETA", "Restarts", "Age", "GPUs", "Checkpoint",
            "Message");
  }

  private static void collectUndescribed(JSONSchemaProps schema, String path, List<String> undescribed) {
    if (schema.getDescription() == null || schema.getDescription().isBlank()) {
      undescribed.add(path);
    }
    if (schema.getProperties() != null) {
      schema.getProperties().forEach((name, child) -> collectUndescribed(child, path + "." + name, undescribed));
    }
    if (schema.getItems() != null && schema.getItems().getSchema().getProperties() != null) {
      schema.getItems().getSchema().getProperties()
          .forEach((name, child) -> collectUndescribed(child, path + "[]." + name, undescribed));
    }
  }

  private static CustomResourceDefinition crd() {
    return new KubernetesSerialization().unmarshal(CrdYaml.generate(), CustomResourceDefinition.class);
  }
}
