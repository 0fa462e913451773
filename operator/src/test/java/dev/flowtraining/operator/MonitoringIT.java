package dev.flowtraining.operator;

import static java.util.function.Predicate.not;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Phase;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dashboard, alerts and documentation against what the packaged operator exports, scraped by a real Prometheus. */
@EnableKubeAPIServer
class MonitoringIT {

  private static final Path MANIFESTS = Path.of(System.getProperty("manifests.dir")).normalize();
  private static final KubernetesSerialization YAML = new KubernetesSerialization();
  /** What may stand between series in an expression: texts, matchers, ranges, labels that are summed over. */
  private static final Pattern NO_SERIES = Pattern.compile("\\{[^}]*}|\\[[^]]*]|\\b(by|without|on) *\\([^)]*\\)");
  private static final Pattern SERIES = Pattern.compile("\\b[a-z_:][a-z0-9_:]*\\b(?! *\\()");

  @KubeConfig
  static String kubeConfig;
  @TempDir
  static Path scratch;
  static PlayedCluster cluster;
  static PackagedOperator operator;
  static Prometheus prometheus;

  @BeforeAll
  static void play() throws Exception {
    cluster = new PlayedCluster(
        new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build());
    Crd.install(cluster.client);
    cluster.client.resource(new NamespaceBuilder().withNewMetadata().withName("flowtraining-system").endMetadata()
        .build()).create();
    operator = new PackagedOperator(scratch, kubeConfig);
    prometheus = new Prometheus(scratch, "flowtraining-operator", operator.metrics);
    PlayedCluster.await(() -> prometheus.query("flowtraining_resources"), not(List::isEmpty));

    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(PlayedLife.TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.exit("demo-train-1-0", 0, 1, "Error", "");
    cluster.awaitPhase("demo", Phase.RESTARTING);
    cluster.letGo("demo-train-1");
    cluster.runStage("demo-train-2");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    cluster.apply(PlayedLife.TRAIN_ONLY.replace("name: demo", "name: other"));
    cluster.run("other-train-1");
    cluster.unschedulable("other-train-1-0", "0/3 nodes are available");
    cluster.breakJobs();
    cluster.apply(PlayedLife.TRAIN_ONLY.replace("name: demo", "name: third"));
  }

  @AfterAll
  static void stop() throws Exception {
    if (prometheus != null) {
      prometheus.close();
    }
    if (operator != null) {
      operator.close();
    }
  }

  @Test
  void everyQueryOfTheDashboardHasAnAnswer() throws IOException {
    assertThat(dashboard()).hasSizeGreaterThan(8).allSatisfy(expression ->
        PlayedCluster.await(() -> prometheus.query(expression),
            values -> !values.isEmpty() && values.stream().allMatch(Double::isFinite)));
  }

  @Test
  void whatIsAskedForIsExported() throws IOException {
    Set<String> asked = new TreeSet<>();
    dashboard().forEach(expression -> asked.addAll(series(expression)));
    String alerts = Files.readString(MANIFESTS.resolve("chart/monitoring/alerts.yaml"));
    matches("(?m)^ +expr: (.*)$", alerts).forEach(expression -> asked.addAll(series(expression)));
    assertThat(asked).hasSizeGreaterThan(6).contains("flowtraining_waiting", "reconciliations_failure_total");
    assertThat(exported("(?m)^([a-z0-9_:]+)[{ ]")).containsAll(asked);
  }

  @Test
  void whatIsDocumentedIsExportedAndTheOtherWayRound() throws IOException {
    List<String> documented =
        matches("(?m)^\\| `(flowtraining_[a-z_]+?)(?:_total)?[`{]", Files.readString(MANIFESTS.resolve("README.md")));
    Set<String> exported = exported("(?m)^# TYPE (flowtraining_[a-z_]+) ");
    assertThat(exported.stream().filter(name -> !name.endsWith("_max")))
        .containsExactlyInAnyOrderElementsOf(documented);
  }

  private static Set<String> exported(String pattern) {
    return new TreeSet<>(matches(pattern, operator.scrape()));
  }

  @SuppressWarnings("unchecked")
  private static List<String> dashboard() throws IOException {
    Map<String, Object> dashboard =
        YAML.unmarshal(Files.readString(MANIFESTS.resolve("chart/monitoring/dashboard.json")), Map.class);
    return ((List<Map<String, List<Map<String, String>>>>) dashboard.get("panels")).stream()
        .flatMap(panel -> panel.get("targets").stream()).map(target -> target.get("expr")).toList();
  }

  private static List<String> series(String expression) {
    return matches("(" + SERIES.pattern() + ")", NO_SERIES.matcher(expression).replaceAll(""));
  }

  private static List<String> matches(String pattern, String text) {
    return Pattern.compile(pattern).matcher(text).results().map((MatchResult match) -> match.group(1)).toList();
  }
}
