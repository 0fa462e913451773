package dev.flowtraining.operator.observe;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageDigestTest {

  private static final String SHA = "sha256:" + "0123456789abcdef".repeat(4);

  @ParameterizedTest(name = "{0} with {1}")
  @CsvSource(delimiter = '|', nullValues = "none", textBlock = """
      registry.example:5000/ml/flow:1 | registry.example:5000/ml/flow@SHA         | registry.example:5000/ml/flow@SHA
      registry.example/ml/flow        | docker-pullable://registry.example/ml/flow@SHA | registry.example/ml/flow@SHA
      flow-trainer:dev                | docker.io/library/flow-trainer@SHA        | flow-trainer@SHA
      team/flow:1                     | docker.io/team/flow@SHA                   | team/flow@SHA
      flow-trainer:dev                | docker.io/library/import-2026-07-01@SHA   | none
      flow-trainer:dev                | SHA                                       | none
      flow-trainer:dev                | ''                                        | none
      registry.example/ml/flow@SHA    | registry.example/ml/flow@SHA              | none
      """)
  void whatCanBePulledByItsDigestIsPinnedToIt(String asked, String id, String pinned) {
    assertThat(ImageDigest.of(asked.replace("SHA", SHA), id.replace("SHA", SHA)).orElse(null))
        .isEqualTo(pinned == null ? null : pinned.replace("SHA", SHA));
  }
}
