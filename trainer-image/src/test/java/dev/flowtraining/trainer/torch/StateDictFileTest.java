package dev.flowtraining.trainer.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.torch.StateDict.DType;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StateDictFileTest {
  @TempDir Path folder;

  private static void assertSame(StateDict actual, StateDict expected) {
    assertThat(new ArrayList<>(actual.tensors().keySet())).isEqualTo(new ArrayList<>(expected.tensors().keySet()));
    assertThat(actual.integers()).isEqualTo(expected.integers());
    expected.tensors().forEach((name, tensor) -> {
      assertThat(actual.tensors().get(name).dtype()).as(name).isEqualTo(tensor.dtype());
      assertThat(actual.tensors().get(name).shape()).as(name).isEqualTo(tensor.shape());
      assertThat(actual.tensors().get(name).data()).as(name).isEqualTo(tensor.data());
    });
  }

  @Test
  void theOddCasesReadAsTorchReadsThem() {
    StateDict dict = StateDictFile.read(Fixtures.file("checkpoints/edge_cases.pt"));
    Map<String, Tensor> expected = Fixtures.npz("checkpoints/edge_cases.npz");
    assertThat(dict.tensors().keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    expected.forEach((name, tensor) ->
        assertThat(dict.tensors().get(name).doubles()).as(name).isEqualTo(tensor.doubles()));
    assertThat(dict.tensors().get("fp16").dtype()).isEqualTo(DType.FLOAT16);
    assertThat(dict.tensors().get("bf16").dtype()).isEqualTo(DType.BFLOAT16);
    assertThat(dict.tensors().get("bool").dtype()).isEqualTo(DType.BOOL);
    assertThat(dict.tensors().get("scalar").shape()).isEmpty();
    assertThat(dict.integers()).containsOnlyKeys("epoch", "step");
  }

  @Test
  void aModulesFileHasItsWeightsInOrder() {
    StateDict dict = StateDictFile.read(Fixtures.file("tiny/flow.pt"));
    Map<String, Tensor> expected = Fixtures.npz("tiny/weights.npz");
    assertThat(new ArrayList<>(dict.tensors().keySet())).isEqualTo(new ArrayList<>(expected.keySet()));
    expected.forEach((name, tensor) -> {
      assertThat(dict.tensors().get(name).shape()).as(name).isEqualTo(tensor.shape());
      assertThat(dict.tensors().get(name).data()).as(name).isEqualTo(tensor.data());
    });
  }

  @Test
  void aTrainingCheckpointCarriesItsEpochAndStep() {
    StateDict dict = StateDictFile.read(Fixtures.file("checkpoints/epoch_1_whole.pt"));
    assertThat(dict.integer("epoch", -1)).isEqualTo(1);
    assertThat(dict.integer("step", -1)).isEqualTo(20);
  }

  @Test
  void weightsUnderStateDictAreFound() throws IOException {
    Path plain = folder.resolve("plain.pt");
    StateDictFile.write(plain, new StateDict(new LinkedHashMap<>(Map.of("w", Tensor.of(new float[] {1, 2}, 2)))));
    Path nested = folder.resolve("nested.pt");
    try (ZipFile in = new ZipFile(plain.toFile());
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(nested))) {
      for (ZipEntry entry : (Iterable<ZipEntry>) in.stream().map(ZipEntry.class::cast)::iterator) {
        byte[] bytes = in.getInputStream(entry).readAllBytes();
        out.putNextEntry(new ZipEntry(entry.getName()));
        if (entry.getName().endsWith("data.pkl")) {
          // {"state_dict": what the file held}: PROTO 2, EMPTY_DICT, BINUNICODE key, value, SETITEM, STOP
          out.write(new byte[] {(byte) 0x80, 2, '}', 'X', 10, 0, 0, 0});
          out.write("state_dict".getBytes(StandardCharsets.US_ASCII));
          out.write(bytes, 2, bytes.length - 3);
          out.write(new byte[] {'s', '.'});
        } else {
          out.write(bytes);
        }
        out.closeEntry();
      }
    }
    assertSame(StateDictFile.read(nested), StateDictFile.read(plain));
  }

  @ParameterizedTest
  @EnumSource
  void whatIsWrittenReadsBackWhateverTheType(StateDictFile.Form form) throws IOException {
    StateDict odd = StateDictFile.read(Fixtures.file("checkpoints/edge_cases.pt"));
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>(odd.tensors());
    for (DType dtype : DType.values()) {
      tensors.put("of." + dtype, new Tensor(dtype, new long[] {2, 3}, ByteBuffer.allocate(6 * dtype.bytes())));
    }
    tensors.put("large", Tensor.of(new float[100_000], 100, 1000)); // large enough to be mapped
    StateDict dict = form == StateDictFile.Form.MODULE ? new StateDict(tensors)
        : StateDict.of(tensors, Map.of("step", 1L << 40, "epoch", -1L));
    Path file = folder.resolve("model.pt");
    StateDictFile.write(file, dict, form);
    assertSame(StateDictFile.read(file), dict);
    byte[] first = Files.readAllBytes(file);
    StateDictFile.write(file, dict, form);
    assertThat(Files.readAllBytes(file)).isEqualTo(first);
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void theZipIsLaidOutAsTorchExpects() throws IOException {
    Path file = folder.resolve("model.pt");
    StateDictFile.write(file, StateDictFile.read(Fixtures.file("tiny/flow.pt")), StateDictFile.Form.MODULE);
    try (ZipFile zip = new ZipFile(file.toFile())) {
      assertThat(zip.stream()).allMatch(e -> e.getMethod() == ZipEntry.STORED);
      assertThat(new String(zip.getInputStream(zip.getEntry("archive/version")).readAllBytes(),
          StandardCharsets.US_ASCII)).isEqualTo("3\n");
      assertThat(new String(zip.getInputStream(zip.getEntry("archive/byteorder")).readAllBytes(),
          StandardCharsets.US_ASCII)).isEqualTo("little");
    }
    try (var zip = org.apache.commons.compress.archivers.zip.ZipFile.builder().setPath(file).get()) {
      zip.getEntries().asIterator().forEachRemaining(
          e -> assertThat(e.getDataOffset() % 64).as(e.getName()).isZero());
    }
  }

  @Test
  void aFileCutAnywhereIsRefusedByName() throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.file("tiny/flow.pt"));
    for (int length : new int[] {0, 1, 1000, whole.length / 2, whole.length - 1}) {
      Path cut = folder.resolve("cut" + length + ".pt");
      Files.write(cut, java.util.Arrays.copyOf(whole, length));
      assertUnreadable(cut, "cut" + length + ".pt");
    }
    assertUnreadable(folder.resolve("nowhere.pt"), "no such file");
  }

  @Test
  void aFlippedBitIsNoticed() throws IOException {
    StateDict dict = StateDictFile.read(Fixtures.file("tiny/flow.pt"));
    Path file = folder.resolve("model.pt");
    StateDictFile.write(file, dict);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 0x10;
    Files.write(file, bytes);
    assertUnreadable(file, "checksum");
  }

  @Test
  void aPickleCanDoNothingButDescribeTensors() throws IOException {
    assertUnreadable(archive("evil.pt", "\u0080\u0002cposix\nsystem\nX\u0004\u0000\u0000\u0000true\u0085R."), "posix.system");
    assertUnreadable(archive("config.pt", "\u0080\u0002cargparse\nNamespace\n)R."), "argparse.Namespace");
    assertUnreadable(archive("text.pt", "\u0080\u0002X\u0001\u0000\u0000\u0000a."), "no dict");
    assertUnreadable(archive("damaged.pt", "\u0080\u0002}(X\u0001\u0000\u0000"), "damaged");
    assertUnreadable(archive("opcode.pt", "\u0080\u0002}i"), "opcode 0x69");
  }

  @Test
  void aTensorLargerThanItsStorageIsRefused() throws IOException {
    String view = "ctorch._utils\n_rebuild_tensor_v2\n((X\u0007\u0000\u0000\u0000storagectorch\nFloatStorage\n"
        + "X\u0001\u0000\u0000\u00000X\u0003\u0000\u0000\u0000cpuK\u0001tQK\u0000K\u0002\u0085K\u0001\u0085\u0089)tR";
    assertUnreadable(archive("view.pt", "\u0080\u0002}X\u0001\u0000\u0000\u0000a" + view + "s."), "larger than its storage");
  }

  @Test
  void safetensorsReadBackAndRefuseWhatIsCut() throws IOException {
    StateDict dict = new StateDict(StateDictFile.read(Fixtures.file("checkpoints/edge_cases.pt")).tensors());
    Path file = folder.resolve("model.safetensors");
    SafeTensors.write(file, dict, Map.of("format", "pt"));
    assertSame(SafeTensors.read(file), dict);
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {0, 7, 20, bytes.length - 1}) {
      Files.write(file, java.util.Arrays.copyOf(bytes, length));
      StageFailure failure = catchThrowableOfType(StageFailure.class, () -> SafeTensors.read(file));
      assertThat(failure.reason()).isEqualTo("CheckpointUnreadable");
    }
  }

  /** Map.of has another order in every process. */
  @Test
  void safetensorsDoNotDependOnTheOrderOfTheirMetadata() throws IOException {
    StateDict dict = new StateDict(new LinkedHashMap<>(Map.of("a", Tensor.of(new float[] {1}, 1))));
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("speaker_embedding", "utt");
    metadata.put("format", "pt");
    SafeTensors.write(folder.resolve("one"), dict, metadata);
    SafeTensors.write(folder.resolve("other"), dict, new TreeMap<>(metadata));
    assertThat(folder.resolve("one")).hasSameBinaryContentAs(folder.resolve("other"));
  }

  @Test
  void productionNamesShapesAndOrderSurvive() throws IOException {
    // the storages are left out (one shared, empty row each would be 600 MB): names, order and shapes are the matter here
    JsonNode listed = Fixtures.json("state_dict.json").get("state_dict");
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>();
    for (JsonNode entry : listed) {
      List<Long> shape = new ArrayList<>();
      entry.get("shape").forEach(d -> shape.add(d.asLong() > 8 ? 1 : d.asLong()));
      long[] dims = shape.stream().mapToLong(Long::longValue).toArray();
      Tensor tensor = new Tensor(DType.FLOAT32, dims, ByteBuffer.allocate(0));
      tensors.put(entry.get("name").asText(), Tensor.of(new float[(int) tensor.elements()], dims));
    }
    Path file = folder.resolve("flow.pt");
    StateDictFile.write(file, new StateDict(tensors), StateDictFile.Form.MODULE);
    assertSame(StateDictFile.read(file), new StateDict(tensors));
  }

  private void assertUnreadable(Path file, String why) {
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> StateDictFile.read(file));
    assertThat(failure).as(file.toString()).isNotNull();
    assertThat(failure.exitCode()).isEqualTo(ExitCode.MISSING);
    assertThat(failure.reason()).isEqualTo("CheckpointUnreadable");
    assertThat(failure.getMessage()).contains(file.toString()).contains(why);
  }

  private Path archive(String name, String pickle) throws IOException {
    Path file = folder.resolve(name);
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(pickle.getBytes(StandardCharsets.ISO_8859_1));
      zip.putNextEntry(new ZipEntry("archive/data/0"));
      zip.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(1).array());
    }
    return file;
  }
}
