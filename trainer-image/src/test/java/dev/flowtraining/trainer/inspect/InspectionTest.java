package dev.flowtraining.trainer.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectionTest {
  @TempDir
  Path folder;

  @Test
  void everyTensorIsListedWithItsNorm() throws IOException {
    Path file = torch("a.pt", Map.of("a.weight", StateDict.Tensor.of(new float[] {3, -4}, 1, 2),
        "sick", StateDict.Tensor.of(new float[] {Float.NaN, 1}, 2)));
    String[] lines = printed(out -> new Inspection(file).list(out)).split("\n");
    assertThat(lines[1].split("\\s+")).containsExactly("a.weight", "float32", "[1,", "2]", "5.00000", "4.00000");
    assertThat(lines[2].split("\\s+")).containsExactly("sick", "float32", "[2]", "1.00000", "1.00000", "!");
    assertThat(lines[3].split("\\s+")).containsExactly("step", "integer", "7");
    assertThat(lines[4]).endsWith("a.pt: 2 tensors, 4 values, 16 bytes");
    assertThat(lines[5]).isEqualTo("! 1 values are NaN or infinite");
  }

  @Test
  void twoFilesAreComparedKeyByKey() throws IOException {
    Path mine = torch("mine.pt", Map.of("same", StateDict.Tensor.of(new float[] {1}, 1),
        "moved", StateDict.Tensor.of(new float[] {3, 5}, 2), "extra", StateDict.Tensor.of(new float[] {1}, 1),
        "wide", StateDict.Tensor.of(new float[] {1, 2}, 2)));
    Path theirs = folder.resolve("theirs.safetensors");
    SafeTensors.write(theirs, StateDict.of(new TreeMap<>(Map.of("same", StateDict.Tensor.of(new float[] {1}, 1),
        "moved", StateDict.Tensor.of(new float[] {3, 4}, 2), "gone", StateDict.Tensor.of(new float[] {1}, 1),
        "wide", StateDict.Tensor.of(new float[] {1, 2}, 2, 1))), Map.of()), Map.of());
    String text = printed(out -> new Inspection(mine).compare(theirs, out)).replaceAll(" +", " ");
    assertThat(text).contains("extra float32 [1] only in mine.pt\n", "gone float32 [1] only in theirs.safetensors\n",
        "moved float32 [2] 0.200000 1.00000\n", "wide float32 [2] shape there [2, 1]\n",
        "1 of 5 tensors are equal, bit for bit\n").doesNotContain("same");
    assertThat(printed(out -> new Inspection(mine).compare(mine, out))).contains("all 4 tensors are equal");
  }

  @Test
  void whatIsNoCheckpointIsTold() {
    assertThatThrownBy(() -> new Inspection(folder.resolve("none.pt"))).isInstanceOf(StageFailure.class)
        .hasMessageContaining("none.pt");
  }

  private Path torch(String name, Map<String, StateDict.Tensor> tensors) throws IOException {
    Path file = folder.resolve(name);
    StateDictFile.write(file, StateDict.of(new TreeMap<>(tensors), Map.of("step", 7L)));
    return file;
  }

  private static String printed(Consumer<PrintStream> action) {
    var bytes = new ByteArrayOutputStream();
    action.accept(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
