package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.databind.JsonNode;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.api.model.apiextensions.v1.ValidationRule;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The fields of a FlowTraining as tables for people, a section for each part of spec and status. */
final class CrdReference {

  /** What Kubernetes allows the name of an object: a limit that nobody needs to be told. */
  private static final long ANY_NAME = 253;

  private final StringBuilder page = new StringBuilder();
  /** Whether users write it: then what is there without them matters. */
  private boolean written;

  private CrdReference() {
  }

  static String of(CustomResourceDefinition crd) {
    JSONSchemaProps root = crd.getSpec().getVersions().getFirst().getSchema().getOpenAPIV3Schema();
    CrdReference reference = new CrdReference();
    reference.page.append("""
        <!-- Generated from operator/src/main/java/dev/flowtraining/operator/api; do not edit. -->
        # Every field of a FlowTraining

        `%s`, version `%s`. What breaks a rule is refused by the API server with the
        words that stand here in italics. A duration is hours, minutes and seconds, such as `90s` or `1h30m`.
        `kubectl explain flowtraining.spec` tells of the version that a cluster has.
        """.formatted(crd.getMetadata().getName(), crd.getSpec().getVersions().getFirst().getName()));
    reference.rules(root);
    reference.written = true;
    reference.part("spec", root.getProperties().get("spec"));
    reference.written = false;
    reference.part("status", root.getProperties().get("status"));
    return reference.page.toString();
  }

  private void part(String name, JSONSchemaProps schema) {
    page.append("\n## ").append(name).append("\n\n").append(schema.getDescription()).append("\n");
    rules(schema);
    heading();
    schema.getProperties().forEach((child, of) -> {
      if (fields(of) == null) {
        row(child, of, schema);
      }
    });
    schema.getProperties().forEach((child, of) -> {
      if (fields(of) != null) {
        section(name + "." + child, of);
      }
    });
  }

  private void section(String path, JSONSchemaProps schema) {
    page.append("\n### ").append(path).append(isList(schema) ? "[]" : "").append("\n\n")
        .append(text(schema.getDescription())).append("\n");
    rules(schema);
    if (isList(schema)) {
      rules(element(schema));
    }
    heading();
    rows("", schema);
  }

  private void heading() {
    page.append(written ? "\n| field | type | default | |\n| --- | --- | --- | --- |\n"
        : "\n| field | type | |\n| --- | --- | --- |\n");
  }

  private void rows(String prefix, JSONSchemaProps schema) {
    JSONSchemaProps of = isList(schema) ? element(schema) : schema;
    of.getProperties().forEach((child, field) -> {
      row(prefix + child, field, of);
      if (fields(field) != null) {
        rows(prefix + child + (isList(field) ? "[]." : "."), field);
      }
    });
  }

  private void row(String path, JSONSchemaProps schema, JSONSchemaProps parent) {
    String name = path.substring(path.lastIndexOf('.') + 1);
    boolean required = parent.getRequired() != null && parent.getRequired().contains(name);
    String what = Stream.concat(Stream.of(text(schema.getDescription()), limits(schema)),
        messages(schema).map(message -> "*" + text(message) + "*")).filter(s -> !s.isEmpty())
        .collect(Collectors.joining(" "));
    page.append("| `").append(path).append("` | ").append(type(schema)).append(" | ")
        .append(written ? (required ? "required" : defaultOf(schema)) + " | " : "").append(what).append(" |\n");
  }

  private void rules(JSONSchemaProps schema) {
    List<String> all = messages(schema).toList();
    if (!all.isEmpty()) {
      page.append('\n');
      all.forEach(message -> page.append("- *").append(text(message)).append("*\n"));
    }
  }

  private static Stream<String> messages(JSONSchemaProps schema) {
    return Stream.ofNullable(schema.getXKubernetesValidations()).flatMap(List::stream).map(ValidationRule::getMessage);
  }

  private static String type(JSONSchemaProps schema) {
    if (isList(schema)) {
      return "list of " + type(element(schema)) + "s";
    }
    if (Boolean.TRUE.equals(schema.getXKubernetesIntOrString())) {
      return "string or integer";
    }
    boolean map = schema.getAdditionalProperties() != null && schema.getAdditionalProperties().getSchema() != null;
    return map ? "map to " + type(schema.getAdditionalProperties().getSchema())
        : Durations.PATTERN.equals(schema.getPattern()) ? "duration" : schema.getType();
  }

  /** Of an object its fields have their own. */
  private static String defaultOf(JSONSchemaProps schema) {
    JsonNode value = schema.getDefault();
    return value == null || value.isObject() ? "" : "`" + value.asText() + "`";
  }

  private static String limits(JSONSchemaProps schema) {
    List<String> all = new ArrayList<>();
    List<String> values = Stream.ofNullable(schema.getEnum()).flatMap(List::stream).map(JsonNode::asText).toList();
    if (!values.stream().allMatch(schema.getDescription()::contains)) {
      all.add("One of `" + String.join("`, `", values) + "`.");
    }
    if (schema.getMinimum() != null || schema.getMaximum() != null) {
      all.add(schema.getMaximum() == null ? "At least " + number(schema.getMinimum()) + "."
          : "From " + number(schema.getMinimum()) + " to " + number(schema.getMaximum()) + ".");
    }
    if (schema.getPattern() != null && !Durations.PATTERN.equals(schema.getPattern())) {
      all.add("Matches <code>" + text(schema.getPattern()) + "</code>.");
    }
    Stream.of(schema.getMaxItems(), schema.getMaxProperties()).filter(Objects::nonNull)
        .forEach(most -> all.add("At most " + most + " of them."));
    if (schema.getMaxLength() != null && schema.getMaxLength() < ANY_NAME && schema.getPattern() == null) {
      all.add("At most " + schema.getMaxLength() + " characters.");
    }
    return String.join(" ", all);
  }

  private static String number(Double value) {
    return new BigDecimal(value.toString()).stripTrailingZeros().toPlainString();
  }

  private static JSONSchemaProps fields(JSONSchemaProps schema) {
    JSONSchemaProps of = isList(schema) ? element(schema) : schema;
    return of.getProperties() == null || of.getProperties().isEmpty() ? null : of;
  }

  private static boolean isList(JSONSchemaProps schema) {
    return schema.getItems() != null;
  }

  private static JSONSchemaProps element(JSONSchemaProps list) {
    return list.getItems().getSchema();
  }

  /** As Markdown takes it in a table. */
  private static String text(String plain) {
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").replace("*", "&#42;");
  }
}
