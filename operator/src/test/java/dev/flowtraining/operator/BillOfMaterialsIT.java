package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The bill of materials of the image: that it names every jar, and what the licences allow. */
class BillOfMaterialsIT {

  /** Of a choice of licences one is enough. */
  private static final Set<String> LICENCES =
      Set.of("Apache-2.0", "Apache 2 License", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "EPL-2.0");

  private static List<Map<String, Object>> components;

  @BeforeAll
  @SuppressWarnings("unchecked")
  static void read() throws IOException {
    String json = Files.readString(Path.of("target/bom.json"));
    components = (List<Map<String, Object>>) new KubernetesSerialization().unmarshal(json, Map.class).get("components");
  }

  @Test
  void everyLicenceIsOneThatWasLookedAt() {
    assertThat(components).hasSizeGreaterThan(100).allSatisfy(component ->
        assertThat(licences(component)).as("%s", component.get("purl")).containsAnyElementsOf(LICENCES));
  }

  @Test
  void everyJarOfTheImageIsNamed() throws IOException {
    List<String> named = components.stream()
        .map(c -> c.get("group") + "." + c.get("name") + "-" + c.get("version") + ".jar").toList();
    try (Stream<Path> files = Files.walk(Path.of("target/quarkus-app/lib"))) {
      assertThat(files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".jar")))
          .hasSizeGreaterThan(100).isSubsetOf(named);
    }
  }

  @SuppressWarnings("unchecked")
  private static List<String> licences(Map<String, Object> component) {
    return ((List<Map<String, Map<String, String>>>) component.getOrDefault("licenses", List.of())).stream()
        .map(choice -> choice.get("license")).map(licence -> licence.getOrDefault("id", licence.get("name"))).toList();
  }
}
