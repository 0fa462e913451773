package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stage 2: the flat dual-codebook tokens of every utterance, {@code utt2speech_token}. */
public final class SpeechTokens implements ShardedTask {
  private static final Logger LOG = LoggerFactory.getLogger(SpeechTokens.class);
  private static final int FORMAT = 1;
  private static final List<String> SPLITS = List.of("train", "dev");

  @Override
  public String inputHash(StageContext context) throws IOException {
    return TokenizerChoice.of(context).addTo(InputHash.start().add("speech-tokens").add(FORMAT))
        .add(StageRecord.require(context.layout(), Stage.PREPARE_DATA).outputHash()).hex();
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
    for (String split : SPLITS) {
      Path file = context.layout().utt2speechToken(split);
      List<Utterance> utterances = KaldiFolder.read(context.layout().data(split));
      CodeUsage usage = new CodeUsage();
      new UtteranceTable(file, inputHash(context), utterances).merge(Stage.SPEECH_TOKENS,
          context.progress(), (u, value) -> usage.add(Arrays.stream(value.split(" ")).mapToLong(Long::parseLong).toArray()));
      outputHash.file(file);
      counts.put(split + "Utterances", usage.utterances());
      counts.put(split + "WithoutTokens", utterances.size() - usage.utterances());
      counts.put(split + "Groups", usage.tokens() / DualCodebook.GROUP);
      counts.put(split + "Vq02Perplexity", usage.vq02Perplexity());
      counts.put(split + "Vq06Perplexity", usage.vq06Perplexity());
    }
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
          u -> AcousticFeatures.of(u.waveform(SpeechTokenizer.RATE).samples()), (u, f) -> features.add(f));
      frames = features.stream().mapToLong(f -> f.vq06().length / AcousticFeatures.VQ06_DIMENSIONS).sum();
    }
    if (frames == 0) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData",
          "no training utterance is as long as one group of tokens, 0.12 s; raise prepare_conf.min_seconds");
    }
    return features;
  }

  /** @return null, which leaves the utterance out, when there is no whole group or the model cannot take it */
  private static String text(SpeechTokenizer tokenizer, Utterance utterance) throws IOException {
    try {
      long[] flat = tokenizer.tokens(utterance.waveform(SpeechTokenizer.RATE).samples());
      return flat.length == 0 ? null : Arrays.stream(flat).mapToObj(Long::toString).collect(Collectors.joining(" "));
    } catch (Unusable e) {
      LOG.warn("{} has no tokens: {}", utterance.utt(), e.getMessage());
      return null;
    }
  }
}
