package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.ShardedTask;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.Step;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.KaldiFolder;
import dev.flowtraining.trainer.data.Parts;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Rejects;
import dev.flowtraining.trainer.data.Tally;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import dev.flowtraining.trainer.data.UtteranceTable;
import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Stage 2: the flat dual-codebook tokens of every utterance, {@code utt2speech_token}. */
public final class SpeechTokens implements ShardedTask {
  private static final int FORMAT = 2;
  private static final List<String> SPLITS = List.of("train", "dev");

  @Override
  public String inputHash(StageContext context) throws IOException {
    return TokenizerChoice.of(context).addTo(InputHash.start().add("speech-tokens").add(FORMAT))
        .add(StageRecord.require(context.layout(), Stage.PREPARE_DATA).outputHash()).hex();
  }

  @Override
  public List<Path> results(StageContext context) throws IOException {
    RunLayout layout = context.layout();
    List<Path> results = new ArrayList<>(SPLITS.stream().flatMap(s -> Stream.of(layout.utt2speechToken(s),
        layout.rejects(s, Stage.SPEECH_TOKENS))).toList());
    results.add(codebooks(context)); // of the built-in tokenizer; others have none
    return results;
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    return SPLITS.stream().allMatch(s -> Files.exists(context.layout().utt2speechToken(s)));
  }

  @Override
  public Optional<String> fit(StageContext context) throws IOException, InterruptedException {
    if (!TokenizerChoice.of(context).isBuiltin()) {
      return Optional.empty();
    }
    Path file = codebooks(context);
    if (!Files.exists(file)) {
      context.progress().update(Stage.SPEECH_TOKENS, 0, "fitting the codebooks");
      FlowConfig.Tokenizer config = context.config().tokenizerConf();
      try (Workers workers = Workers.start()) {
        List<Utterance> train = KaldiFolder.read(context.layout().data("train"));
        BuiltinTokenizer.fit(features(train, config, workers), config, workers).write(file);
      }
    }
    removeOthers(file);
    BuiltinTokenizer tokenizer = BuiltinTokenizer.read(file);
    return Optional.of("codebooks of %d and %d codes".formatted(tokenizer.vq02Codes(), tokenizer.vq06Codes()));
  }

  @Override
  public Share work(StageContext context, Step.Shard shard) throws IOException, InterruptedException {
    Map<String, UtteranceTable> tables = tables(context);
    Tally tally = new Tally(context.progress(), Stage.SPEECH_TOKENS,
        tables.values().stream().mapToInt(t -> t.share(shard)).sum());
    Share done = new Share(0, 0);
    try (SpeechTokenizer tokenizer = tokenizer(context); Workers workers = Workers.start()) {
      for (UtteranceTable table : tables.values()) {
        done = done.plus(table.extract(shard,
            u -> text(tokenizer, u), workers, tally));
      }
    }
    return done;
  }

  @Override
  public Result merge(StageContext context) throws IOException {
    Map<String, Object> counts = new LinkedHashMap<>();
    InputHash outputHash = InputHash.start();
    Map<String, UtteranceTable> tables = tables(context);
    List<Rejects> left = new ArrayList<>();
    for (String split : SPLITS) {
      UtteranceTable table = tables.get(split);
      Rejects rejects = new Rejects(context.layout().rejects(split, Stage.SPEECH_TOKENS));
      CodeUsage usage = new CodeUsage();
      table.merge(Stage.SPEECH_TOKENS, context.progress(), rejects,
          (u, value) -> usage.add(Arrays.stream(value.split(" ")).mapToLong(Long::parseLong).toArray()));
      rejects.write();
      left.add(rejects);
      outputHash.file(context.layout().utt2speechToken(split));
      counts.put(split + "Utterances", usage.utterances());
      counts.put(split + "Rejected", rejects.byReason());
      counts.put(split + "Groups", usage.tokens() / DualCodebook.GROUP);
      counts.put(split + "Vq02Perplexity", usage.vq02Perplexity());
      counts.put(split + "Vq06Perplexity", usage.vq06Perplexity());
    }
    Rejects.requireAtMost(context.config().prepareConf().maxRejectFraction(),
        tables.values().stream().mapToInt(UtteranceTable::utterances).sum(), left);
    try (SpeechTokenizer tokenizer = tokenizer(context)) {
      counts.put("vq02Codes", tokenizer.vq02Codes());
      counts.put("vq06Codes", tokenizer.vq06Codes());
    }
    counts.put("tokenizer", TokenizerChoice.of(context).isBuiltin() ? "builtin" : "released");
    return new Result(counts, outputHash.hex());
  }

  @Override
  public void removeParts(StageContext context) throws IOException {
    for (String split : SPLITS) {
      Parts.remove(context.layout().utt2speechToken(split), inputHash(context));
    }
  }

  private Map<String, UtteranceTable> tables(StageContext context) throws IOException {
    String inputHash = inputHash(context);
    Map<String, UtteranceTable> tables = new LinkedHashMap<>();
    for (String split : SPLITS) {
      tables.put(split, new UtteranceTable(context.layout().utt2speechToken(split), inputHash,
          KaldiFolder.read(context.layout().data(split))));
    }
    return tables;
  }

  private Path codebooks(StageContext context) throws IOException {
    return context.layout().codebooks().resolve("builtin-" + inputHash(context).substring(0, 12) + ".safetensors");
  }

  private SpeechTokenizer tokenizer(StageContext context) throws IOException {
    TokenizerChoice choice = TokenizerChoice.of(context);
    return choice.isBuiltin() ? builtin(context) : choice.open();
  }

  private BuiltinTokenizer builtin(StageContext context) throws IOException {
    Path file = codebooks(context);
    if (!Files.exists(file)) {
      throw new StageFailure(ExitCode.MISSING, "CodebooksNotFitted",
          file + " is not there; run flow-trainer speech-tokens --fit before the shards");
    }
    return BuiltinTokenizer.read(file);
  }

  private static void removeOthers(Path codebooks) throws IOException {
    try (var files = Files.newDirectoryStream(codebooks.getParent(), "builtin-*.safetensors")) {
      for (Path other : files) {
        if (!other.getFileName().equals(codebooks.getFileName())) {
          Files.delete(other);
        }
      }
    }
  }

  /** Features of utterances, drawn by their names, until there are enough frames. */
  private static List<AcousticFeatures> features(List<Utterance> train, FlowConfig.Tokenizer config, Workers workers)
      throws IOException, InterruptedException {
    List<Utterance> drawn = train.stream()
        .sorted(Comparator.comparing((Utterance u) -> InputHash.start().add(u.utt()).hex())).toList();
    List<AcousticFeatures> features = new ArrayList<>();
    long frames = 0;
    int batch = 64; // a fixed number: the fit must not depend on how many cores there are
    for (int i = 0; i < drawn.size() && frames < config.maxFitFrames(); i += batch) {
      workers.map(drawn.subList(i, Math.min(drawn.size(), i + batch)),
          SpeechTokens::features, (u, f) -> f.ifPresent(features::add));
      frames = features.stream().mapToLong(f -> f.vq06().length / AcousticFeatures.VQ06_DIMENSIONS).sum();
    }
    if (frames == 0) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData",
          "no training utterance is as long as one group of tokens, 0.12 s; raise prepare_conf.min_seconds");
    }
    return features;
  }

  /** None of a recording that cannot be used: it is rejected with its reason when its tokens are wanted. */
  private static Optional<AcousticFeatures> features(Utterance utterance) throws IOException {
    try {
      return Optional.of(AcousticFeatures.of(utterance.waveform(SpeechTokenizer.RATE).samples()));
    } catch (Unusable e) {
      return Optional.empty();
    }
  }

  /** @throws Unusable when there is no whole group or the model cannot take it */
  private static String text(SpeechTokenizer tokenizer, Utterance utterance) throws IOException {
    long[] flat = tokenizer.tokens(utterance.waveform(SpeechTokenizer.RATE).samples());
    if (flat.length == 0) {
      throw new Unusable(RejectReason.NO_TOKENS, "it is shorter than one group of tokens, 0.12 s");
    }
    return Arrays.stream(flat).mapToObj(Long::toString).collect(Collectors.joining(" "));
  }
}
