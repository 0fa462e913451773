package dev.flowtraining.operator.observe;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A tag may move while a run goes on; the digest that the first pod got does not. */
public final class ImageDigest {

  private static final Pattern ID = Pattern.compile("(?:docker-pullable://)?([^@]+)@(sha256:[0-9a-f]{64})");
  private static final Pattern TAG = Pattern.compile(":[^/]*$");

  private ImageDigest() {
  }

  /**
   * The image by its digest; empty when it cannot be pulled by one. An image that was loaded into a node has none, or
   * one of a repository that is nowhere.
   *
   * @param asked as in the pod's spec, for example {@code flow-trainer:1.2}
   * @param id as in the pod's status, for example {@code docker.io/library/flow-trainer@sha256:…}
   */
  public static Optional<String> of(String asked, String id) {
    Matcher matcher = ID.matcher(id);
    return !asked.contains("@") && matcher.matches() && repository(asked).equals(repository(matcher.group(1)))
        ? Optional.of(TAG.matcher(asked).replaceFirst("") + "@" + matcher.group(2))
        : Optional.empty();
  }

  /** With its registry, which Docker Hub's images may leave out. */
  private static String repository(String image) {
    String name = TAG.matcher(image).replaceFirst("");
    String first = name.contains("/") ? name.substring(0, name.indexOf('/')) : "";
    boolean registry = first.contains(".") || first.contains(":") || first.equals("localhost");
    return registry ? name : first.isEmpty() ? "docker.io/library/" + name : "docker.io/" + name;
  }
}
