package dev.flowtraining.trainer.parquet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.data.Stages;
import dev.flowtraining.trainer.prepare.PrepareData;
import dev.flowtraining.trainer.speaker.SpeakerEmbedding;
import dev.flowtraining.trainer.tokens.SpeechTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An utterance that went bad after the stages before have seen it is dropped; the others of its file stay. */
class DroppedRowsTest {
  @TempDir Path folder;

  @Test
  void audioThatWasReplacedIsDroppedWithItsReason() throws Exception {
    Path train = input("train", 3);
    StageContext context = Stages.context(folder.resolve("run"), Stages.options(train, input("dev", 1), null, null), 0.5);
    Stages.run(context, Stage.PREPARE_DATA, new PrepareData());
    Stages.run(context, Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding());
    Stages.run(context, Stage.SPEECH_TOKENS, new SpeechTokens());
    Files.writeString(train.resolve("train-1.wav"), "this was audio once");
    StageTask.Result result = Stages.run(context, Stage.PARQUET, new WriteParquet());
    assertThat(result.counts()).containsEntry("trainUtterances", 2);
    assertThat(((Map<?, ?>) result.counts().get("trainDropped")).values()).hasToString("[1]");
    assertThat(Files.readAllLines(context.layout().parquet("train").resolve("utt2num_frames")))
        .extracting(line -> line.split(" ")[0]).containsExactly("train-0", "train-2");
    String file = Files.readAllLines(context.layout().dataList("train")).getFirst();
    assertThat(ParquetFile.read(context.layout().root().resolve(file))).extracting(UtteranceRow::utt)
        .containsExactly("train-0", "train-2");
  }

  private Path input(String split, int utterances) throws IOException {
    Path input = Files.createDirectories(folder.resolve("in-" + split));
    for (int u = 0; u < utterances; u++) {
      float[] samples = new float[24_000];
      for (int i = 0; i < samples.length; i++) {
        samples[i] = (float) (0.3 * Math.sin(0.03 * (u + 1) * i) * Math.sin(1e-4 * i));
      }
      Files.write(input.resolve(split + "-" + u + ".wav"), Wav.encode(new Waveform(samples, 16_000)));
      Files.writeString(input.resolve(split + "-" + u + ".txt"), "words");
    }
    return input;
  }
}
