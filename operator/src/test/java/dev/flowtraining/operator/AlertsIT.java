package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The alert rules, by Prometheus' own tool: alerts/*.yaml are its unit tests. */
class AlertsIT {

  private static final Path RULES = Path.of(System.getProperty("manifests.dir"), "chart/monitoring/alerts.yaml");
  private static final Path TESTS = Path.of("src/test/resources/alerts");
  private static final KubernetesSerialization YAML = new KubernetesSerialization();

  @TempDir
  Path scratch;
  private Path rules;

  /** Prometheus' operator hands the spec of a PrometheusRule to Prometheus as it is. */
  @BeforeEach
  void unwrap() throws IOException {
    rules = Files.writeString(scratch.resolve("alerts.yaml"), YAML.asYaml(read(RULES).get("spec")));
  }

  @Test
  void theRulesAreWellFormed() throws Exception {
    ClientBinary.run("promtool", "check", "rules", "--lint-fatal", rules);
  }

  @Test
  void eachAlertFiresWhenItShouldAndOnlyThenAndSaysWhatToDo() throws Exception {
    List<Object> command = new ArrayList<>(List.of("promtool", "test", "rules"));
    for (Path test : tests()) {
      command.add(Files.copy(test, scratch.resolve(test.getFileName())));
    }
    ClientBinary.run(command.toArray());
  }

  @Test
  void noAlertIsWithoutATestInWhichItFiresAndOneInWhichItDoesNot() throws IOException {
    TreeSet<String> fires = new TreeSet<>();
    TreeSet<String> keepsQuiet = new TreeSet<>();
    for (Path file : tests()) {
      for (Map<String, Object> test : list(read(file).get("tests"))) {
        for (Map<String, Object> moment : list(test.get("alert_rule_test"))) {
          (moment.containsKey("exp_alerts") ? fires : keepsQuiet).add((String) moment.get("alertname"));
        }
      }
    }
    TreeSet<String> alerts = new TreeSet<>();
    for (Map<String, Object> group : list(read(rules).get("groups"))) {
      list(group.get("rules")).forEach(rule -> alerts.add((String) rule.get("alert")));
    }
    assertThat(alerts).isNotEmpty();
    assertThat(fires).isEqualTo(alerts);
    assertThat(keepsQuiet).isEqualTo(alerts);
  }

  private static List<Path> tests() throws IOException {
    try (Stream<Path> files = Files.list(TESTS)) {
      return files.sorted().toList();
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> read(Path yaml) throws IOException {
    return YAML.unmarshal(Files.readString(yaml), Map.class);
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> list(Object value) {
    return (List<Map<String, Object>>) value;
  }
}
