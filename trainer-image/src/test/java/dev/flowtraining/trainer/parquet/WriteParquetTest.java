package dev.flowtraining.trainer.parquet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Stages;
import dev.flowtraining.trainer.prepare.PrepareData;
import dev.flowtraining.trainer.speaker.SpeakerEmbedding;
import dev.flowtraining.trainer.tokens.SpeechTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WriteParquetTest {
  private static final int UTTERANCES = 12;
  @TempDir Path folder;

  @Test
  void theSettingsShapeTheFilesAndWhatIsLeftOutIsCounted() throws Exception {
    StageContext context = Stages.context(folder.resolve("run"), Stages.options(sounds("in", 0, UTTERANCES),
        sounds("dev", 50, 51), null, null), 0.5);
    Stages.run(context, Stage.PREPARE_DATA, new PrepareData());
    Stages.run(context, Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding());
    Stages.run(context, Stage.SPEECH_TOKENS, new SpeechTokens());
    String before = new WriteParquet().inputHash(context);
    FlowConfig.Dataset d = context.config().datasetConf();
    // a third are of 0.7 s, one has one word
    StageContext other = with(context, new FlowConfig.Dataset(d.sampleRate(), 10_000_000, 70_000, "zstd",
        new FlowConfig.Filter(100, 6000, 2, 200, 0, 1, "builtin"), d.replayConf(), d.maxFramesInBatch(), d.shuffleSize(),
        d.sortSize(), d.numWorkers(), d.prefetch(), d.prefetchMib(), d.melCache(), d.melCacheMib(), d.speakerEmbedding()));
    assertThat(new WriteParquet().inputHash(other)).isNotEqualTo(before);
    StageTask.Result result = Stages.run(other, Stage.PARQUET, new WriteParquet());

    List<String> kept = new ArrayList<>();
    for (String line : Files.readAllLines(context.layout().dataList("train"))) {
      Path file = context.layout().root().resolve(line);
      assertThat(ParquetFile.rowGroups(file)).hasSizeGreaterThan(1);
      ParquetFile.read(file).forEach(row -> kept.add(row.utt()));
    }
    assertThat(result.counts()).containsEntry("trainFiles", 1L).containsEntry("trainUtterances", kept.size());
    @SuppressWarnings("unchecked")
    Map<String, Integer> dropped = (Map<String, Integer>) result.counts().get("trainDropped");
    assertThat(dropped).containsOnlyKeys("text-length", "too-short").containsEntry("text-length", 1);
    assertThat(kept.size() + dropped.values().stream().mapToInt(n -> n).sum())
        .isEqualTo(Files.readAllLines(context.layout().data("train").resolve("wav.scp")).size());
    assertThat(kept).allSatisfy(utt -> assertThat(Integer.parseInt(utt.substring(2)) % 3).isNotZero());
  }

  private static StageContext with(StageContext context, FlowConfig.Dataset dataset) {
    FlowConfig c = context.config();
    return new StageContext(context.layout(), new FlowConfig(c.model(), c.cfm(), c.prepareConf(), c.tokenizerConf(),
        dataset, c.trainConf(), c.probeConf()), context.options(), context.ranks(), context.progress());
  }

  private Path sounds(String name, int from, int to) throws IOException {
    Path input = Files.createDirectories(folder.resolve(name));
    StringBuilder scp = new StringBuilder();
    StringBuilder text = new StringBuilder();
    for (int i = from; i < to; i++) {
      Random random = new Random(i);
      float[] samples = new float[(int) (16_000 * (i % 3 == 0 ? 0.7 : 1.2))];
      for (int k = 0; k < samples.length; k++) {
        samples[k] = (float) (0.3 * Math.sin(k * (0.05 + 0.01 * (k / 1600 % 5))) + 0.02 * random.nextGaussian());
      }
      Files.write(input.resolve(i + ".wav"), Wav.encode(new Waveform(samples, 16_000)));
      scp.append("s_%02d %d.wav\n".formatted(i, i));
      text.append("s_%02d %s\n".formatted(i, i == 1 ? "word" : "two words"));
    }
    Files.writeString(input.resolve("wav.scp"), scp);
    Files.writeString(input.resolve("text"), text);
    return input;
  }
}
