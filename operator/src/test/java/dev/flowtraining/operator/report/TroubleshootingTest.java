package dev.flowtraining.operator.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.observe.ExitCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The README says of every reason that a status can show what to do about it, and of none that it cannot. */
class TroubleshootingTest {

  private static final Path OPERATOR = Path.of("src/main/java/dev/flowtraining/operator");
  private static final Path TRAINER = Path.of("../trainer-image/src/main/java/dev/flowtraining/trainer");
  private static final String WORD = "\"([A-Z][a-z]+[A-Z][A-Za-z]+)\"";
  private static final Pattern FAILURES = Pattern.compile("Failure\\(\\s*(?:ExitCode\\.\\w+|known),\\s*\"(\\w+)\""
      + "|\\? \"(No\\w+)\" : \"(No\\w+)\"");
  private static final Pattern ROWS_OF_THE_CHECK = Pattern.compile(",\\s*" + WORD + "\\)");
  /** Kubernetes' own words, which the operator reads. */
  private static final Set<String> READ = Set.of("ContainerCreating", "PodInitializing", "DisruptionTarget",
      "FailureTarget", "FailedScheduling", "PodScheduled", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod",
      "SuccessCriteriaMet", "ErrImagePull", "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName",
      "ImageInspectError", "RegistryUnavailable", "NamespaceTerminating", "StartError");
  /** Kubernetes' own words, which the operator passes on. */
  private static final Set<String> PASSED_ON = Set.of("FailedMount", "FailedAttachVolume", "CreateContainerConfigError",
      "PreemptionByScheduler", "EvictionByEvictionAPI", "DeletionByTaintManager", "DeletionByPodGC",
      "TerminationByKubelet", "OOMKilled");

  /** Of {@link Conditions}, and single words, which no pattern can tell from others. */
  private static final List<String> OTHERS =
      List.of("CleaningUp", "Restarting", "Suspending", "Suspended", "Preempted", "Evicted");

  private static String readme;

  @BeforeAll
  static void read() throws IOException {
    readme = Files.readString(Path.of("README.md"));
  }

  @Test
  void everyReasonIsThere() throws IOException {
    assertThat(reasons()).hasSizeGreaterThan(70).allMatch(reason -> readme.contains("`" + reason + "`"));
  }

  @Test
  void everyEventIsThere() {
    assertThat(Reason.values()).allMatch(reason -> readme.contains("`" + reason.id() + "`"));
  }

  @Test
  void noReasonIsThereThatNothingShows() throws IOException {
    Set<String> known = reasons();
    known.addAll(PASSED_ON);
    String tables = readme.substring(readme.indexOf("| what you see | reason"), readme.indexOf("And it runs, but"));
    List<String> told = tables.lines().filter(line -> line.startsWith("|")).map(line -> line.split("\\|")[2])
        .flatMap(cell -> found(Pattern.compile("`(\\w+)`"), cell)).toList();
    assertThat(told).hasSizeGreaterThan(70).isSubsetOf(known).doesNotHaveDuplicates();
  }

  private static Set<String> reasons() throws IOException {
    Set<String> all = new TreeSet<>(Census.REASONS);
    Arrays.stream(ExitCode.values()).map(ExitCode::reason).forEach(all::add);
    for (String room : List.of("observe", "decide", "apply")) {
      all.addAll(found(Pattern.compile(WORD), text(OPERATOR.resolve(room))).toList());
    }
    all.removeAll(READ);
    all.addAll(OTHERS);
    all.addAll(found(FAILURES, text(TRAINER)).toList());
    all.addAll(found(ROWS_OF_THE_CHECK, text(TRAINER.resolve("check"))).toList());
    return all;
  }

  private static Stream<String> found(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(match -> {
      List<String> groups = new ArrayList<>();
      for (int group = 1; group <= match.groupCount(); group++) {
        groups.add(match.group(group));
      }
      return groups;
    }).flatMap(List::stream).filter(Objects::nonNull);
  }

  private static String text(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".java")).map(TroubleshootingTest::read)
          .collect(Collectors.joining());
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
