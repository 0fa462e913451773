package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
      Set.of("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "EPL-2.0", "CDDL-1.0");
  /** Looked at one by one: decoders under the LGPL, used unchanged as jars of their own; and Concentus, which is BSD. */
  private static final Map<String, String> OTHERS = Map.of("jorbis", "GNU Lesser General Public License",
      "jlayer", "GNU Lesser General Public License", "concentus", "LICENSE");

  private static final List<JsonNode> COMPONENTS = new ArrayList<>();

  @BeforeAll
  static void read() throws IOException {
    new ObjectMapper().readTree(Path.of("target/bom.json").toFile()).get("components").forEach(COMPONENTS::add);
  }

  @Test
  void everyLicenceIsOneThatWasLookedAt() {
    assertThat(COMPONENTS).hasSizeGreaterThan(30).allSatisfy(component -> {
      String other = OTHERS.get(component.get("name").asText());
      assertThat(licences(component)).as(component.get("purl").asText())
          .containsAnyElementsOf(other == null ? LICENCES : Set.of(other));
    });
  }

  @Test
  void everyJarOfTheImageIsNamed() throws IOException {
    List<String> named = COMPONENTS.stream()
        .map(c -> c.get("name").asText() + "-" + c.get("version").asText() + ".jar").toList();
    try (Stream<Path> files = Files.list(Path.of("target/dist/lib"))) {
      assertThat(files.map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".jar") && !name.equals("flow-trainer.jar")))
          .hasSizeGreaterThan(25).isSubsetOf(named);
    }
  }

  private static List<String> licences(JsonNode component) {
    List<String> licences = new ArrayList<>();
    component.path("licenses").forEach(choice -> {
      JsonNode licence = choice.path("license");
      licences.add(licence.path("id").asText(licence.path("name").asText()));
      licences.addAll(Arrays.asList(choice.path("expression").asText().replaceAll("[()]", "").split(" OR ")));
    });
    return licences;
  }
}
