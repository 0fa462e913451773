package dev.flowtraining.trainer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * {@code run.json}: whose run directory this is, and the input hash of each stage that is done.
 *
 * @param namespace the FlowTraining's; null for a run without a cluster
 * @param uid of the FlowTraining that uses the directory now: one that was deleted and applied again adopts it
 * @param reruns for each stage the last wish that it be done again, see {@link StageRunner}
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunRecord(String namespace, String name, String uid, TreeMap<String, String> stages,
    TreeMap<String, String> reruns) {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  public RunRecord {
    stages = stages == null ? new TreeMap<>() : stages;
    reruns = reruns == null ? new TreeMap<>() : reruns;
  }

  /**
   * Takes the run directory for the FlowTraining that the environment names.
   *
   * @throws StageFailure 66 {@code RunDirectoryTaken} when it belongs to another one
   */
  static RunRecord claim(RunLayout layout, Map<String, String> env) throws IOException {
    RunRecord old = read(layout);
    String name = env.get("FLOWTRAINING_NAME");
    String namespace = env.get("FLOWTRAINING_NAMESPACE");
    if (name == null) {
      return old; // no cluster: whoever owns the directory stays its owner
    }
    if (old.name != null && !(old.name.equals(name) && Objects.equals(old.namespace, namespace))) {
      throw new StageFailure(ExitCode.MISSING, "RunDirectoryTaken", layout.root() + " belongs to FlowTraining "
          + old.namespace + "/" + old.name + ", not " + namespace + "/" + name
          + "; use another workspace, or remove run.json there when its results may be overwritten");
    }
    return new RunRecord(namespace, name, env.get("FLOWTRAINING_RUN_ID"), old.stages, old.reruns);
  }

  /**
   * The FlowTraining that the environment names, by its uid too: one of the same name that was applied since has taken
   * the directory over.
   *
   * @throws StageFailure 66 {@code RunDirectoryTaken} when it is not the owner
   */
  static void demandOwner(RunLayout layout, Map<String, String> env) throws IOException {
    RunRecord owner = read(layout);
    boolean own = Objects.equals(owner.namespace, env.get("FLOWTRAINING_NAMESPACE"))
        && Objects.equals(owner.name, env.get("FLOWTRAINING_NAME"))
        && Objects.equals(owner.uid, env.get("FLOWTRAINING_RUN_ID"));
    if (!own) {
      throw new StageFailure(ExitCode.MISSING, "RunDirectoryTaken", layout.root() + " belongs to FlowTraining "
          + owner.namespace + "/" + owner.name + " (uid " + owner.uid + ") and stays");
    }
  }

  RunRecord with(Stage stage, String inputHash) {
    TreeMap<String, String> done = new TreeMap<>(stages);
    done.put(stage.id(), inputHash);
    return new RunRecord(namespace, name, uid, done, reruns);
  }

  boolean fulfils(Stage stage, String wish) {
    return wish == null || wish.equals(reruns.get(stage.id()));
  }

  RunRecord fulfilling(Stage stage, String wish) {
    TreeMap<String, String> wishes = new TreeMap<>(reruns);
    wishes.put(stage.id(), wish);
    return new RunRecord(namespace, name, uid, stages, wishes);
  }

  void write(RunLayout layout) throws IOException {
    WholeFile.text(layout.runJson(), JSON.writeValueAsString(this) + "\n");
  }

  private static RunRecord read(RunLayout layout) throws IOException {
    if (Files.exists(layout.runJson())) {
      try {
        return JSON.readValue(layout.runJson().toFile(), RunRecord.class);
      } catch (JsonProcessingException e) {
        throw new StageFailure(ExitCode.MISSING, "RunRecordUnreadable", layout.runJson()
            + " is no run.json: " + e.getOriginalMessage() + "; remove it to use the directory again", e);
      }
    }
    return new RunRecord(null, null, null, null, null);
  }
}
