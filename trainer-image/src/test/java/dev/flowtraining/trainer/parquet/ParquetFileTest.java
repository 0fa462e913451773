package dev.flowtraining.trainer.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ParquetFileTest {
  @TempDir Path folder;

  @Test
  void readsWhatUpstreamWrote() throws IOException {
    List<String> text = Files.readAllLines(Fixtures.file("data/src/text"));
    List<String> scp = Files.readAllLines(Fixtures.file("data/src/wav.scp"));
    List<String> utt2spk = Files.readAllLines(Fixtures.file("data/src/utt2spk"));
    Map<String, Tensor> expected = Fixtures.npz("data/pipeline.npz");
    int line = 0;
    for (String file : Files.readAllLines(Fixtures.file("data/parquet/data.list"))) {
      for (UtteranceRow row : ParquetFile.read(Fixtures.file(file))) {
        assertThat(row.utt() + " " + row.text()).isEqualTo(text.get(line));
        assertThat(row.utt() + " " + row.wav()).isEqualTo(scp.get(line));
        assertThat(row.utt() + " " + row.spk()).isEqualTo(utt2spk.get(line++));
        assertThat(row.audioData()).isEqualTo(Files.readAllBytes(Fixtures.file(row.wav())));
        assertThat(row.uttEmbedding()).hasSize(192).doesNotContain(Double.NaN);
        assertThat(row.spkEmbedding()).hasSize(192);
        assertThat(row.speechToken()).isEqualTo(longs(expected.get(row.utt() + ".speech_token_mixed")));
        DualCodebook.validate(row.speechToken());
      }
    }
    assertThat(line).isEqualTo(text.size());
  }

  @Test
  void readsWhatItWrote() throws IOException {
    List<UtteranceRow> rows = rows(37);
    Path file = folder.resolve("parquet_000000000.tar");
    ParquetFile.write(file, rows);
    assertSame(ParquetFile.read(file), rows);
    byte[] first = Files.readAllBytes(file);
    ParquetFile.write(file, rows);
    assertThat(Files.readAllBytes(file)).isEqualTo(first);
    try (var left = Files.list(folder)) {
      assertThat(left).containsExactly(file);
    }
  }

  @Test
  void hasTheColumnsAndTypesThatUpstreamWrites() throws IOException {
    String schema = Fixtures.json("data/meta.json").get("parquet_schema").valueStream().map(l -> l.asText().strip())
        .filter(l -> l.matches("(optional|repeated) .*")).map(l -> l.replace(" field_id=-1", "").replace(";", ""))
        .collect(Collectors.joining("\n"));
    assertThat(RowSchema.SCHEMA.toString().lines().map(l -> l.strip().replace(";", "")
        .replace("(STRING)", "(String)").replace("(LIST)", "(List)")).filter(l -> l.matches("(optional|repeated) .*"))
        .collect(Collectors.joining("\n"))).isEqualTo(schema);
  }

  @ParameterizedTest
  @CsvSource({"snappy, 150000", "zstd, 20000000", "uncompressed, 1"})
  void manyRowGroupsInEachCompression(String compression, long maxBytes) throws IOException {
    List<UtteranceRow> rows = rows(40);
    Path file = folder.resolve("groups.tar");
    try (ParquetFile.Writer writer = ParquetFile.create(file, new ParquetFile.Layout(100_000, compression))) {
      for (UtteranceRow row : rows) {
        writer.write(row);
      }
      writer.finish();
    }
    int[] groups = ParquetFile.rowGroups(file);
    assertThat(groups).hasSizeGreaterThan(5);
    assertThat(Arrays.stream(groups).sum()).isEqualTo(rows.size());
    assertSame(ParquetFile.read(file), rows);
    int from = rows.size() - groups[groups.length - 1];
    assertSame(ParquetFile.readRowGroup(file, groups.length - 1), rows.subList(from, rows.size()));

    RowGroups numbered = new RowGroups(List.of(file, file), maxBytes);
    assertThat(numbered.rows()).isEqualTo(2 * rows.size());
    assertThat(numbered.firstRows()).hasSize(2 * groups.length).contains(rows.size());
    List<Integer> order = new ArrayList<>(IntStream.range(0, 2 * rows.size()).boxed().toList());
    Collections.shuffle(order, new Random(3));
    for (int epoch = 0; epoch < 2; epoch++) {
      order.parallelStream().forEach(i -> {
        assertSame(List.of(numbered.take(i)), List.of(rows.get(i % rows.size())));
        assertThat(numbered.waiting()).isLessThan(maxBytes + 4 * 110_000);
      });
    }
    if (maxBytes > Files.size(file) * 3) {
      assertThat(numbered.waiting()).isZero(); // all were taken, none was read twice
    }
  }

  /** Columns in another order, more of them, one embedding only, other list forms and number types. */
  @Test
  void readsOtherWritersFiles() throws IOException {
    MessageType schema = MessageTypeParser.parseMessageType("""
        message schema {
          optional binary instruct (STRING);
          optional group speech_token (LIST) { repeated group list { optional int32 item; } }
          optional group spk_embedding (LIST) { repeated group list { required float element; } }
          required binary utt (STRING);
          optional binary text (STRING);
          optional binary spk (STRING);
          optional binary wav (STRING);
          optional binary audio_data;
        }""");
    Path file = folder.resolve("other.parquet");
    try (ParquetWriter<Group> writer = ExampleParquetWriter.builder(new LocalOutputFile(file)).withType(schema)
        .withConf(new PlainParquetConfiguration()).withCodecFactory(new Codecs())
        .withCompressionCodec(CompressionCodecName.ZSTD).build()) {
      Group row = new SimpleGroup(schema).append("instruct", "sadly").append("utt", "u").append("text", "t")
          .append("spk", "s").append("wav", "w");
      row.add("audio_data", Binary.fromConstantByteArray(new byte[] {7}));
      Group tokens = row.addGroup("speech_token");
      tokens.addGroup(0).add(0, 12);
      tokens.addGroup(0).add(0, 1030);
      row.addGroup("spk_embedding").addGroup(0).add(0, 0.5f);
      writer.write(row);
    }
    assertSame(ParquetFile.read(file), List.of(new UtteranceRow("u", new byte[] {7}, "w", "t", "s", new double[0],
        new double[] {0.5}, new long[] {12, 1030})));
  }

  @Test
  void aFileThatWasCutForAnotherMelIsRefused() throws IOException {
    Path file = folder.resolve("p.tar");
    ParquetFile.write(file, rows(3));
    assertThat(Files.readString(file, StandardCharsets.ISO_8859_1)).contains(Mel.SETTINGS);
    Path other = folder.resolve("other.tar");
    ExampleParquetWriter.builder(new LocalOutputFile(other)).withType(RowSchema.SCHEMA)
        .withConf(new PlainParquetConfiguration()).withCodecFactory(new Codecs())
        .withExtraMetaData(Map.of(RowSchema.MEL, "22050 Hz")).build().close();
    assertThatThrownBy(() -> ParquetFile.read(other)).isInstanceOf(StageFailure.class)
        .hasMessageContaining("the mel of 22050 Hz, not of " + Mel.SETTINGS);
  }

  @Test
  void damagedAndMissingFiles() throws IOException {
    Path file = folder.resolve("p.tar");
    ParquetFile.write(file, rows(3));
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> ParquetFile.read(file)).isInstanceOf(StageFailure.class).hasMessageContaining("p.tar");
    assertThatThrownBy(() -> ParquetFile.read(folder.resolve("none"))).isInstanceOf(StageFailure.class)
        .hasMessageContaining("is not there");
  }

  private static void assertSame(List<UtteranceRow> rows, List<UtteranceRow> expected) {
    assertThat(rows).hasSameSizeAs(expected);
    for (int i = 0; i < rows.size(); i++) {
      UtteranceRow a = rows.get(i);
      UtteranceRow b = expected.get(i);
      assertThat(List.of(a.utt(), a.wav(), a.text(), a.spk())).isEqualTo(List.of(b.utt(), b.wav(), b.text(), b.spk()));
      assertThat(Arrays.equals(a.audioData(), b.audioData())).isTrue();
      assertThat(Arrays.equals(a.uttEmbedding(), b.uttEmbedding())).isTrue();
      assertThat(Arrays.equals(a.spkEmbedding(), b.spkEmbedding())).isTrue();
      assertThat(Arrays.equals(a.speechToken(), b.speechToken())).isTrue();
    }
  }

  private static long[] longs(Tensor tensor) {
    long[] values = new long[(int) tensor.elements()];
    tensor.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(values);
    return values;
  }

  private static List<UtteranceRow> rows(int n) {
    Random random = new Random(1);
    List<UtteranceRow> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      byte[] audio = new byte[100 + i * 1000];
      random.nextBytes(audio);
      rows.add(new UtteranceRow("utt" + i, audio, "wavs/" + i + ".wav", "日本 " + i, "spk" + i % 3,
          random.doubles(192).toArray(), random.doubles(192).toArray(), random.longs(i, 0, 5000).toArray()));
    }
    return rows;
  }
}
