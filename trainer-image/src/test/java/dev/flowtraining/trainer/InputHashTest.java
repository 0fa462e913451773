package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InputHashTest {
  @TempDir Path folder;

  /** The example of FIPS 180-2, appendix B.1. */
  @Test
  void aFilesHashIsItsSha256() throws IOException {
    assertThat(InputHash.ofFile(Files.writeString(folder.resolve("abc"), "abc")))
        .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }

  @Test
  void valuesDoNotRunTogether() throws IOException {
    assertThat(InputHash.start().add("ab").add("c").hex()).isNotEqualTo(InputHash.start().add("a").add("bc").hex());
    Path one = Files.writeString(folder.resolve("one"), "ab");
    Path two = Files.writeString(folder.resolve("two"), "c");
    Path other = Files.writeString(folder.resolve("other"), "a");
    Path rest = Files.writeString(folder.resolve("rest"), "bc");
    assertThat(InputHash.start().file(one).file(two).hex()).isNotEqualTo(InputHash.start().file(other).file(rest).hex());
  }
}
