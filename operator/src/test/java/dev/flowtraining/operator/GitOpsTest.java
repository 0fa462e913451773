package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cel.common.types.MapType;
import dev.cel.common.types.SimpleType;
import dev.cel.compiler.CelCompiler;
import dev.cel.compiler.CelCompilerFactory;
import dev.cel.parser.CelStandardMacro;
import dev.cel.runtime.CelRuntime;
import dev.cel.runtime.CelRuntimeFactory;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.luaj.vm2.Globals;
import org.luaj.vm2.LuaTable;
import org.luaj.vm2.LuaValue;
import org.luaj.vm2.lib.jse.JsePlatform;

/** The health checks that manifests/gitops has for Argo CD and Flux, run as these tools run them. */
class GitOpsTest {

  private static final Path FOLDER = Path.of(System.getProperty("manifests.dir"), "gitops");
  private static final KubernetesSerialization YAML = new KubernetesSerialization();
  /** CEL's integers have 64 bits. */
  private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.USE_LONG_FOR_INTS);

  /** In the order of the columns: generation, what the operator has seen of it, the conditions that hold. */
  @ParameterizedTest(name = "generation {0}, observed {1}, {2}")
  @CsvSource(nullValues = "-", textBlock = """
      1, -1, -,                     Progressing, IN_PROGRESS
      1, 1,  Reconciling,           Progressing, IN_PROGRESS
      1, 1,  Reconciling+Suspended, Suspended,   IN_PROGRESS
      1, 1,  Stalled,               Degraded,    FAILED
      2, 1,  Stalled,               Progressing, IN_PROGRESS
      1, 1,  Ready,                 Healthy,     CURRENT
      2, 1,  Ready,                 Progressing, IN_PROGRESS
      2, 2,  Ready,                 Healthy,     CURRENT
      """)
  void allToolsAgree(long generation, long observed, String holding, String argo, Kstatus flux) throws Exception {
    GenericKubernetesResource ft = resource(generation, observed, holding == null ? List.of()
        : List.of(holding.split("\\+")));
    assertThat(health(ft)).isEqualTo(argo);
    assertThat(cel(ft)).isEqualTo(flux);
    assertThat(Kstatus.of(ft)).isEqualTo(flux);
  }

  @Test
  void whatIsDeletedIsNotHealthy() throws IOException {
    GenericKubernetesResource ft = resource(1, 1, List.of("Ready"));
    ft.getMetadata().setDeletionTimestamp("2026-01-01T00:00:00Z");
    assertThat(health(ft)).isEqualTo("Progressing");
  }

  @Test
  void theConfigMapOfArgoHoldsTheScript() throws IOException {
    Map<String, Map<String, String>> patch =
        YAML.unmarshal(Files.readString(FOLDER.resolve("argocd-cm.yaml")), Map.class);
    assertThat(patch.get("data")).containsEntry("resource.customizations.health.flowtraining.dev_FlowTraining",
        Files.readString(FOLDER.resolve("argocd-health.lua")));
  }

  private static GenericKubernetesResource resource(long generation, long observed, List<String> holding) {
    String conditions = observed < 0 ? "" : "conditions: [" + String.join(", ",
        List.of("Ready", "Reconciling", "Stalled", "Suspended").stream().map(t -> "{type: " + t + ", status: '"
            + (holding.contains(t) ? "True" : "False") + "', reason: R, message: m}").toList()) + "]";
    return YAML.unmarshal("""
        apiVersion: flowtraining.dev/v1alpha1
        kind: FlowTraining
        metadata: {name: demo, namespace: default, generation: %d}
        spec: {}
        status:
          observedGeneration: %d
          %s
        """.formatted(generation, observed, conditions), GenericKubernetesResource.class);
  }

  /** Argo CD: a script that finds the object in {@code obj} and returns a table. */
  private static String health(GenericKubernetesResource ft) throws IOException {
    Globals lua = JsePlatform.standardGlobals();
    lua.set("obj", lua(YAML.convertValue(ft, Map.class)));
    return lua.load(Files.readString(FOLDER.resolve("argocd-health.lua"))).call().get("status").tojstring();
  }

  private static LuaValue lua(Object value) {
    return switch (value) {
      case Map<?, ?> map -> {
        LuaTable table = new LuaTable();
        map.forEach((k, v) -> table.set(k.toString(), lua(v)));
        yield table;
      }
      case List<?> list -> {
        LuaTable table = new LuaTable();
        list.forEach(v -> table.set(table.length() + 1, lua(v)));
        yield table;
      }
      case Number n -> LuaValue.valueOf(n.doubleValue());
      case Boolean b -> LuaValue.valueOf(b);
      case null -> LuaValue.NIL;
      default -> LuaValue.valueOf(value.toString());
    };
  }

  /** Flux: inProgress, failed, current, in this order; in progress when none of them holds. */
  private static Kstatus cel(GenericKubernetesResource ft) throws Exception {
    Map<String, Object> kustomization =
        YAML.unmarshal(Files.readString(FOLDER.resolve("flux-kustomization.yaml")), Map.class);
    Map<String, String> expressions = ((List<Map<String, String>>) ((Map<String, Object>) kustomization.get("spec"))
        .get("healthCheckExprs")).getFirst();
    Map<String, Object> object = JSON.convertValue(ft, Map.class);
    if (holds(expressions.get("inProgress"), object)) {
      return Kstatus.IN_PROGRESS;
    }
    if (holds(expressions.get("failed"), object)) {
      return Kstatus.FAILED;
    }
    return holds(expressions.get("current"), object) ? Kstatus.CURRENT : Kstatus.IN_PROGRESS;
  }

  private static boolean holds(String expression, Map<String, Object> object) throws Exception {
    MapType any = MapType.create(SimpleType.STRING, SimpleType.DYN);
    CelCompiler compiler = CelCompilerFactory.standardCelCompilerBuilder()
        .setStandardMacros(CelStandardMacro.STANDARD_MACROS)
        .addVar("metadata", any).addVar("spec", any).addVar("status", any).build();
    CelRuntime runtime = CelRuntimeFactory.standardCelRuntimeBuilder().build();
    return (boolean) runtime.createProgram(compiler.compile(expression).getAst()).eval(object);
  }
}
