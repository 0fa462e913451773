package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crdv2.generator.CRDGenerator;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceColumnDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionVersion;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * The CRD, generated from the classes of the API. Added to what the generator does are: printer columns in the order in
 * which they are declared, list maps, and the defaults, which stand in the code only (in the constructors of the
 * records) and are read from there.
 */
final class CrdYaml {

  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS).build();
  private static final Map<String, String> LIST_MAPS = Map.of("conditions", "type", "stages", "name");

  private CrdYaml() {
  }

  static String generate() {
    CustomResourceDefinition crd = generated();
    CustomResourceDefinitionVersion version = crd.getSpec().getVersions().getFirst();
    List<String> order = Arrays.stream(FlowTraining.class.getAnnotationsByType(AdditionalPrinterColumn.class))
        .map(AdditionalPrinterColumn::name).toList();
    version.getAdditionalPrinterColumns()
        .sort(Comparator.comparing((CustomResourceColumnDefinition c) -> order.indexOf(c.getName())));

    JSONSchemaProps root = version.getSchema().getOpenAPIV3Schema();
    root.setDescription("One training of the flow (token2mel) model of Step-Audio-EditX, from speech to an exported "
        + "flow.pt.");
    root.getProperties().get("spec").setDescription("What is asked for.");
    root.getProperties().get("status").setDescription("What the operator knows; written by the operator only.");
    Map<String, JSONSchemaProps> status = root.getProperties().get("status").getProperties();
    LIST_MAPS.forEach((list, key) -> {
      status.get(list).setXKubernetesListType("map");
      status.get(list).setXKubernetesListMapKeys(List.of(key));
    });
    JSONSchemaProps overrides = root.getProperties().get("spec").getProperties().get("stageOverrides");
    overrides.setXKubernetesListType("map");
    overrides.setXKubernetesListMapKeys(List.of("stage"));
    setDefaults(root.getProperties().get("spec"), FlowTrainingSpec.class);
    // before the operator's first write nothing would tell kstatus that it has yet to come
    root.getProperties().get("status").setDefault(JSON.createObjectNode().put("observedGeneration", -1));
    rulesOnce(root);
    return "# Generated from operator/src/main/java/dev/flowtraining/operator/api; do not edit.\n"
        + new KubernetesSerialization().asYaml(crd);
  }

  private static CustomResourceDefinition generated() {
    ByteArrayOutputStream yaml = new ByteArrayOutputStream();
    new CRDGenerator().forCRDVersions("v1").customResourceClasses(FlowTraining.class)
        .withOutput(new CRDGenerator.CRDOutput<>() {
          @Override
          public OutputStream outputFor(String crdName) {
            return yaml;
          }

          @Override
          public URI crdURI(String crdName) {
            return URI.create("file:///" + crdName);
          }

          @Override
          public void close() throws IOException {
            yaml.close();
          }
        }).generate();
    return new KubernetesSerialization().unmarshal(yaml.toString(StandardCharsets.UTF_8),
        CustomResourceDefinition.class);
  }

  /** The generator finds a rule of a record's component twice: at the field and at the accessor. */
  private static void rulesOnce(JSONSchemaProps schema) {
    if (schema.getXKubernetesValidations() != null) {
      schema.setXKubernetesValidations(schema.getXKubernetesValidations().stream().distinct().toList());
    }
    if (schema.getProperties() != null) {
      schema.getProperties().values().forEach(CrdYaml::rulesOnce);
    }
    if (schema.getItems() != null) {
      rulesOnce(schema.getItems().getSchema());
    }
  }

  private static void setDefaults(JSONSchemaProps schema, Class<?> type) {
    JsonNode defaults = defaultsOf(type);
    for (RecordComponent component : type.getRecordComponents()) {
      JSONSchemaProps property = schema.getProperties().get(component.getName());
      JsonNode value = defaults.get(component.getName());
      Class<?> nested = component.getType();
      if (nested.isRecord()) {
        setDefaults(property, nested);
        if (value != null) {
          property.setDefault(value);
        }
      } else if (elementOf(component.getGenericType()) instanceof Class<?> element && element.isRecord()) {
        setDefaults(property.getItems().getSchema(), element);
      } else if (value != null) {
        property.setDefault(value);
      }
    }
  }

  private static Type elementOf(Type type) {
    return type instanceof ParameterizedType p && p.getRawType() == List.class ? p.getActualTypeArguments()[0] : null;
  }

  private static JsonNode defaultsOf(Class<?> type) {
    try {
      return JSON.valueToTree(JSON.readValue("{}", type));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("no defaults of " + type, e);
    }
  }
}
