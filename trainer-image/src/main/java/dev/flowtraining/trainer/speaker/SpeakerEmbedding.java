package dev.flowtraining.trainer.speaker;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.ShardedTask;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.Step;
import dev.flowtraining.trainer.audio.Fbank;
import dev.flowtraining.trainer.data.KaldiFolder;
import dev.flowtraining.trainer.data.Parts;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Rejects;
import dev.flowtraining.trainer.data.Tally;
import dev.flowtraining.trainer.data.TextVector;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.UtteranceTable;
import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Stage 1: an embedding per utterance, {@code utt2embedding}, and their mean per speaker, {@code spk2embedding}. */
public final class SpeakerEmbedding implements ShardedTask {
  private static final int FORMAT = 2;
  private static final List<String> SPLITS = List.of("train", "dev");

  @Override
  public String inputHash(StageContext context) throws IOException {
    InputHash hash = InputHash.start().add("speaker-embedding").add(FORMAT)
        .add(StageRecord.require(context.layout(), Stage.PREPARE_DATA).outputHash());
    return (isBuiltin(context) ? hash.add("builtin") : hash.file(model(context))).hex();
  }

  @Override
  public List<Path> results(StageContext context) {
    RunLayout layout = context.layout();
    return SPLITS.stream().flatMap(s -> Stream.of(layout.utt2embedding(s), layout.spk2embedding(s),
        layout.rejects(s, Stage.SPEAKER_EMBEDDING))).toList();
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    return SPLITS.stream().allMatch(s -> Files.exists(context.layout().utt2embedding(s))
        && Files.exists(context.layout().spk2embedding(s)));
  }

  @Override
  public Share work(StageContext context, Step.Shard shard) throws IOException, InterruptedException {
    Map<String, UtteranceTable> tables = tables(context);
    Tally tally = new Tally(context.progress(), Stage.SPEAKER_EMBEDDING,
        tables.values().stream().mapToInt(t -> t.share(shard)).sum());
    Share done = new Share(0, 0);
    try (SpeakerEncoder encoder = encoder(context); Workers workers = Workers.start()) {
      for (UtteranceTable table : tables.values()) {
        done = done.plus(table.extract(shard,
            u -> TextVector.write(finite(encoder.embed(u.waveform(Fbank.RATE).samples()))), workers, tally));
      }
    }
    return done;
  }

  private static float[] finite(float[] embedding) throws Unusable {
    for (float v : embedding) {
      if (!Float.isFinite(v)) {
        throw new Unusable(RejectReason.BAD_EMBEDDING, "the speaker encoder gives " + v);
      }
    }
    return embedding;
  }

  @Override
  public Result merge(StageContext context) throws IOException {
    RunLayout layout = context.layout();
    InputHash outputHash = InputHash.start();
    Map<String, Object> counts = new LinkedHashMap<>();
    Map<String, UtteranceTable> tables = tables(context);
    List<Rejects> left = new ArrayList<>();
    for (Map.Entry<String, UtteranceTable> table : tables.entrySet()) {
      String split = table.getKey();
      SpeakerMeans means = new SpeakerMeans();
      int[] utterances = {0};
      Rejects rejects = new Rejects(layout.rejects(split, Stage.SPEAKER_EMBEDDING));
      table.getValue().merge(Stage.SPEAKER_EMBEDDING, context.progress(), rejects, (u, value) -> {
        means.add(u.spk(), TextVector.read(value));
        utterances[0]++;
      });
      rejects.write();
      left.add(rejects);
      means.write(layout.spk2embedding(split));
      outputHash.file(layout.utt2embedding(split)).file(layout.spk2embedding(split));
      counts.put(split + "Utterances", utterances[0]);
      counts.put(split + "Rejected", rejects.byReason());
      counts.put(split + "Speakers", means.speakers());
    }
    Rejects.requireAtMost(context.config().prepareConf().maxRejectFraction(),
        tables.values().stream().mapToInt(UtteranceTable::utterances).sum(), left);
    counts.put("encoder", isBuiltin(context) ? "builtin" : model(context).getFileName().toString());
    return new Result(counts, outputHash.hex());
  }

  @Override
  public void removeParts(StageContext context) throws IOException {
    for (String split : SPLITS) {
      Parts.remove(context.layout().utt2embedding(split), inputHash(context));
    }
  }

  private Map<String, UtteranceTable> tables(StageContext context) throws IOException {
    String inputHash = inputHash(context);
    Map<String, UtteranceTable> tables = new LinkedHashMap<>();
    for (String split : SPLITS) {
      tables.put(split, new UtteranceTable(context.layout().utt2embedding(split), inputHash,
          KaldiFolder.read(context.layout().data(split))));
    }
    return tables;
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
