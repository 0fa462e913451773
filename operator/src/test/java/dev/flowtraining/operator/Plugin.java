package dev.flowtraining.operator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code kubectl flowtraining …}, run as a user does: the plugin and kubectl are on the PATH. */
public final class Plugin {

  private static final Path FOLDER =
      Path.of(System.getProperty("manifests.dir"), "kubectl").toAbsolutePath().normalize();

  private final Path scratch;
  private final Map<String, String> environment = new TreeMap<>();

  /**
   * @param scratch a folder for what it prints
   * @param before folders of the PATH that come first
   */
  public Plugin(Path scratch, Path... before) throws IOException {
    this.scratch = scratch;
    List<String> folders = new ArrayList<>();
    for (Path folder : before) {
      folders.add(folder.toString());
    }
    folders.addAll(List.of(FOLDER.toString(), ClientBinary.of("kubectl").getParent().toString(),
        System.getenv("PATH")));
    environment.put("PATH", String.join(":", folders));
  }

  /** How it ended, and what it printed. */
  public record Result(int exit, String out, String err) {
  }

  public Plugin with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  public Result run(String... arguments) throws IOException, InterruptedException {
    return end(start(arguments));
  }

  /** One at a time; the scratch folder is where it works. */
  public Process start(String... arguments) throws IOException {
    return kubectl("flowtraining", arguments);
  }

  public Result end(Process process) throws IOException, InterruptedException {
    int exit = process.waitFor();
    return new Result(exit, Files.readString(scratch.resolve("out")), Files.readString(scratch.resolve("err")));
  }

  /** Ended by itself, in a terminal of this size. */
  Result inTerminal(int rows, int columns, String... arguments) throws IOException, InterruptedException {
    String command = "stty rows " + rows + " cols " + columns + "; exec kubectl flowtraining "
        + String.join(" ", arguments);
    environment.put("TERM", "xterm");
    return end(start(List.of("script", "--quiet", "--return", "--command", command, "/dev/null")));
  }

  /** What the last word may become. */
  public List<String> completions(String... words) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of(words));
    all.addFirst("flowtraining");
    Result said = end(kubectl("__complete", all.toArray(String[]::new)));
    return said.out().lines().filter(line -> !line.startsWith(":")).toList();
  }

  private Process kubectl(String command, String... arguments) throws IOException {
    List<String> words = new ArrayList<>(List.of("kubectl", command));
    words.addAll(List.of(arguments));
    return start(words);
  }

  private Process start(List<String> command) throws IOException {
    List<String> words = new ArrayList<>(command);
    words.addFirst("/usr/bin/env");   // which looks along the PATH of the process
    ProcessBuilder builder = new ProcessBuilder(words).directory(scratch.toFile())
        .redirectOutput(scratch.resolve("out").toFile()).redirectError(scratch.resolve("err").toFile());
    builder.environment().putAll(environment);
    return builder.start();
  }
}
