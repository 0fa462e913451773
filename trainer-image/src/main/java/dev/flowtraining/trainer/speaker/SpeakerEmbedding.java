package dev.flowtraining.trainer.speaker;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.audio.Fbank;
import dev.flowtraining.trainer.data.KaldiFolder;
import dev.flowtraining.trainer.data.KaldiTable;
import dev.flowtraining.trainer.data.Tally;
import dev.flowtraining.trainer.data.TextVector;
import dev.flowtraining.trainer.data.Utterance;
import dev.flowtraining.trainer.data.UtteranceTable;
import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Stage 1: an embedding per utterance, {@code utt2embedding}, and their mean per speaker, {@code spk2embedding}. */
public final class SpeakerEmbedding implements StageTask {
  private static final int FORMAT = 1;
  private static final List<String> SPLITS = List.of("train", "dev");

  @Override
  public String inputHash(StageContext context) throws IOException {
    InputHash hash = InputHash.start().add("speaker-embedding").add(FORMAT)
        .add(StageRecord.require(context.layout(), Stage.PREPARE_DATA).outputHash());
    return (isBuiltin(context) ? hash.add("builtin") : hash.file(model(context))).hex();
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    return SPLITS.stream().allMatch(s -> Files.exists(context.layout().utt2embedding(s))
        && Files.exists(context.layout().spk2embedding(s)));
  }

  @Override
  public Result run(StageContext context) throws IOException, InterruptedException {
    RunLayout layout = context.layout();
    String inputHash = inputHash(context);
    Map<String, List<Utterance>> splits = new LinkedHashMap<>();
    for (String split : SPLITS) {
      splits.put(split, KaldiFolder.read(layout.data(split)));
    }
    Tally tally = new Tally(context.progress(), Stage.SPEAKER_EMBEDDING,
        splits.values().stream().mapToInt(List::size).sum());
    InputHash outputHash = InputHash.start();
    Map<String, Object> counts = new LinkedHashMap<>();
    try (SpeakerEncoder encoder = encoder(context); Workers workers = Workers.start()) {
      for (Map.Entry<String, List<Utterance>> split : splits.entrySet()) {
        Path file = layout.utt2embedding(split.getKey());
        Map<String, String> table = UtteranceTable.write(file, inputHash, split.getValue(),
            u -> TextVector.write(encoder.embed(u.waveform(Fbank.RATE).samples())), workers, tally);
        int speakers = means(layout.spk2embedding(split.getKey()), split.getValue(), table);
        outputHash.file(file).file(layout.spk2embedding(split.getKey()));
        counts.put(split.getKey() + "Utterances", table.size());
        counts.put(split.getKey() + "Speakers", speakers);
      }
    }
    counts.put("encoder", isBuiltin(context) ? "builtin" : model(context).getFileName().toString());
    return new Result(counts, outputHash.hex());
  }

  /** The unnormalised mean over each speaker's utterances, as upstream computes it. */
  private static int means(Path file, List<Utterance> utterances, Map<String, String> utt2embedding)
      throws IOException {
    Map<String, List<double[]>> bySpeaker = new HashMap<>();
    for (Utterance u : utterances) {
      bySpeaker.computeIfAbsent(u.spk(), s -> new ArrayList<>()).add(TextVector.read(utt2embedding.get(u.utt())));
    }
    Map<String, String> table = new HashMap<>();
    bySpeaker.forEach((spk, vectors) -> {
      float[] mean = new float[SpeakerEncoder.SIZE];
      for (int i = 0; i < mean.length; i++) {
        double sum = 0;
        for (double[] v : vectors) {
          sum += v[i];
        }
        mean[i] = (float) (sum / vectors.size());
      }
      table.put(spk, TextVector.write(mean));
    });
    KaldiTable.write(file, table);
    return table.size();
  }

  private static SpeakerEncoder encoder(StageContext context) {
    return isBuiltin(context) ? new BuiltinSpeakerEncoder() : new OnnxSpeakerEncoder(model(context), context.options().device());
  }

  private static boolean isBuiltin(StageContext context) {
    String option = context.options().speakerEncoder();
    return option == null || option.equals("builtin");
  }

  private static Path model(StageContext context) {
    Path model = Path.of(context.options().speakerEncoder());
    if (!Files.isRegularFile(model)) {
      throw new StageFailure(ExitCode.MISSING, "ModelNotFound", "the speaker encoder " + model
          + " is not there; give the path of campplus.onnx, or --speaker-encoder builtin");
    }
    return model;
  }
}
