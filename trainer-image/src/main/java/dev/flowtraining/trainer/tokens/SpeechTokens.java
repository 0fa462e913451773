package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.KaldiFolder;
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
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stage 2: the flat dual-codebook tokens of every utterance, {@code utt2speech_token}. */
public final class SpeechTokens implements StageTask {
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
  public Result run(StageContext context) throws IOException, InterruptedException {
    RunLayout layout = context.layout();
    String inputHash = inputHash(context);
    List<Utterance> train = KaldiFolder.read(layout.data("train"));
    List<Utterance> dev = KaldiFolder.read(layout.data("dev"));
    Map<String, Object> counts = new LinkedHashMap<>();
    InputHash outputHash = InputHash.start();
    try (SpeechTokenizer tokenizer = tokenizer(context, inputHash, train); Workers workers = Workers.start()) {
      Tally tally = new Tally(context.progress(), Stage.SPEECH_TOKENS, train.size() + dev.size());
      for (String split : SPLITS) {
        List<Utterance> utterances = split.equals("train") ? train : dev;
        Path file = layout.utt2speechToken(split);
        Map<String, String> table = UtteranceTable.write(file, inputHash, utterances,
            u -> text(tokenizer, u), workers, tally);
        outputHash.file(file);
        count(split, utterances.size(), table, counts);
      }
      counts.put("vq02Codes", tokenizer.vq02Codes());
      counts.put("vq06Codes", tokenizer.vq06Codes());
    }
    counts.put("tokenizer", TokenizerChoice.of(context).isBuiltin() ? "builtin" : "released");
    return new Result(counts, outputHash.hex());
  }

  private static void count(String split, int utterances, Map<String, String> table, Map<String, Object> counts) {
    CodeUsage usage = new CodeUsage();
    long tokens = 0;
    for (String line : table.values()) {
      long[] flat = Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray();
      usage.add(flat);
      tokens += flat.length;
    }
    counts.put(split + "Utterances", table.size());
    counts.put(split + "WithoutTokens", utterances - table.size());
    counts.put(split + "Groups", tokens / DualCodebook.GROUP);
    counts.put(split + "Vq02Perplexity", usage.vq02Perplexity());
    counts.put(split + "Vq06Perplexity", usage.vq06Perplexity());
  }

  private static SpeechTokenizer tokenizer(StageContext context, String inputHash, List<Utterance> train)
      throws IOException, InterruptedException {
    TokenizerChoice choice = TokenizerChoice.of(context);
    return choice.isBuiltin() ? builtin(context, inputHash, train) : choice.open();
  }

  /** The codebooks, fitted now or by the run that was interrupted here. */
  private static BuiltinTokenizer builtin(StageContext context, String inputHash, List<Utterance> train)
      throws IOException, InterruptedException {
    Path folder = context.layout().codebooks();
    Path file = folder.resolve("builtin-" + inputHash.substring(0, 12) + ".safetensors");
    if (!Files.exists(file)) {
      context.progress().update(Stage.SPEECH_TOKENS, 0, "fitting the codebooks");
      FlowConfig.Tokenizer config = context.config().tokenizerConf();
      try (Workers workers = Workers.start()) {
        BuiltinTokenizer.fit(features(train, config, workers), config, workers).write(file);
      }
    }
    try (var files = Files.newDirectoryStream(folder, "builtin-*.safetensors")) {
      for (Path other : files) {
        if (!other.getFileName().equals(file.getFileName())) {
          Files.delete(other);
        }
      }
    }
    return BuiltinTokenizer.read(file);
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
