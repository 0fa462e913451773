package dev.flowtraining.trainer.validate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.flowtraining.trainer.Versions;
import dev.flowtraining.trainer.validate.Check.Severity;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The result for the terminal and for programs. */
record Outcome(Map<String, Path> inputs, List<SplitSummary> splits, Findings findings) {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private static final int VALUE_WIDTH = 44;

  int errors() {
    return findings.count(Severity.ERROR);
  }

  int warnings() {
    return findings.count(Severity.WARNING);
  }

  String verdict() {
    return errors() + warnings() == 0 ? "nothing is wrong" : "%,d %s, %,d %s".formatted(errors(),
        errors() == 1 ? "error" : "errors", warnings(), warnings() == 1 ? "warning" : "warnings");
  }

  void print(PrintStream out) {
    List<Overview.Row> rows = Overview.of(splits).rows();
    int name = rows.stream().mapToInt(r -> r.name().length()).max().orElse(0);
    StringBuilder head = new StringBuilder(" ".repeat(name));
    splits.forEach(s -> head.append("  %-" .concat(VALUE_WIDTH + "s").formatted(s.name)));
    out.println(head.toString().stripTrailing());
    for (Overview.Row row : rows) {
      StringBuilder line = new StringBuilder(("%-" + name + "s").formatted(row.name()));
      row.values().forEach(v -> line.append(("  %-" + VALUE_WIDTH + "s").formatted(v)));
      out.println(line.toString().stripTrailing());
    }
    out.println();
    int check = findings.counts().keySet().stream().mapToInt(c -> c.id().length()).max().orElse(0);
    findings.counts().forEach((c, n) ->
        out.println(("%-7s  %-" + check + "s  %,6d  %s").formatted(c.severity().word(), c.id(), n, c.todo())));
    for (Severity severity : Severity.values()) {
      List<Finding> first = findings.first(severity);
      if (!first.isEmpty()) {
        out.println("\nthe first %ss:".formatted(severity.word()));
        first.forEach(f -> out.println("  %s: %s %s: %s".formatted(f.split(), f.subject(), f.check().id(), f.message())));
      }
    }
    out.println((findings.counts().isEmpty() ? "" : "\n") + verdict()
        + (findings.counts().isEmpty() ? "" : "; all of them: " + findings.file()));
  }

  String json() throws JsonProcessingException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ok", errors() == 0);
    json.put("errors", errors());
    json.put("warnings", warnings());
    json.put("completedAt", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    json.put("versions", Versions.all());
    json.put("findings", findings.file().getFileName().toString());
    json.put("checks", findings.counts().entrySet().stream().map(e -> check(e.getKey(), e.getValue())).toList());
    Map<String, Object> bySplit = new LinkedHashMap<>();
    splits.forEach(s -> bySplit.put(s.name, split(s)));
    json.put("splits", bySplit);
    return JSON.writeValueAsString(json) + "\n";
  }

  private Map<String, Object> check(Check check, int count) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("check", check.id());
    json.put("severity", check.severity().word());
    json.put("count", count);
    json.put("todo", check.todo());
    json.put("examples", findings.examples(check));
    return json;
  }

  private Map<String, Object> split(SplitSummary s) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("input", inputs.get(s.name).toString());
    json.put("utterances", s.utterances);
    json.put("hours", Series.rounded(s.seconds.sum() / 3600));
    json.put("seconds", s.seconds.summary());
    json.put("sampleRates", s.rates);
    json.put("channels", s.channels);
    json.put("encodings", s.encodings);
    json.put("peakDecibels", s.decibels.summary());
    json.put("characters", s.characters.summary());
    json.put("charactersPerSecond", s.charactersPerSecond.summary());
    if (s.hasTokens()) {
      Map<String, Object> tokens = new LinkedHashMap<>();
      tokens.put("perUtterance", s.tokens.summary());
      tokens.put("vq02", codebook(s.codes.vq02()));
      tokens.put("vq06", codebook(s.codes.vq06()));
      tokens.put("melFrames", (long) s.frames.sum());
      json.put("tokens", tokens);
      json.put("embeddingNorm", s.norms.summary());
      json.put("cosineWithinSpeaker", Series.rounded(s.voices.typical()));
      json.put("cosineBetweenSpeakers", Series.rounded(s.voices.acrossSpeakers()));
    }
    json.put("speakers", speakers(s));
    return json;
  }

  private static Map<String, Object> codebook(CodeUse use) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("tokens", use.total());
    json.put("lowest", use.lowest());
    json.put("highest", use.highest());
    json.put("codesUsed", use.used());
    json.put("perplexity", Series.rounded(use.perplexity()));
    return json;
  }

  private static List<Map<String, Object>> speakers(SplitSummary s) {
    List<Map<String, Object>> speakers = new ArrayList<>();
    s.voices.byMinutes().forEach(e -> {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("speaker", e.getKey());
      json.put("utterances", e.getValue().utterances());
      json.put("minutes", Series.rounded(e.getValue().seconds() / 60));
      json.put("resemblance", Series.rounded(e.getValue().resemblance()));
      speakers.add(json);
    });
    return speakers;
  }
}
