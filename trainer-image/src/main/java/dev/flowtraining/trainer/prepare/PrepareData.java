package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.KaldiFolder;
import dev.flowtraining.trainer.data.Rejects;
import dev.flowtraining.trainer.data.Tally;
import dev.flowtraining.trainer.data.Utterance;
import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Stage 0: a user's recordings → validated Kaldi folders {@code data/train} and {@code data/dev}. */
public final class PrepareData implements StageTask {
  private static final int FORMAT = 3;
  /** Held out when the user says nothing about validation. */
  private static final double DEFAULT_DEV_FRACTION = 0.02;
  /** The released models work at 16 kHz and refuse upsampled audio. */
  private static final int RELEASED_MODELS_RATE = 16_000;

  @Override
  public String inputHash(StageContext context) throws IOException {
    return recordings(context, Given.by(context.options()))
        .add(context.config().prepareConf().maxRejectFraction()).hex();
  }

  /** What the user's folders list; without a folder for validation {@code dev} is empty and its part is held out. */
  private record Given(Source train, Source dev) {
    static Given by(StageOptions o) throws IOException {
      if (o.train() == null) {
        throw new StageFailure(ExitCode.USAGE, "MissingOption", "prepare-data needs --train FOLDER");
      }
      if (o.dev() != null && o.devFraction() != null) {
        throw new StageFailure(ExitCode.USAGE, "ConflictingOptions", "give --dev or --dev-fraction, not both");
      }
      PathPrefix prefix = PathPrefix.of(o.pathPrefix());
      return new Given(Source.read("--train", o.train(), prefix),
          o.dev() == null ? new Source(List.of(), List.of()) : Source.read("--dev", o.dev(), prefix));
    }
  }

  /** What determines the utterances. How many may be rejected does not: whoever allows more keeps the stages after. */
  private static InputHash recordings(StageContext context, Given given) throws IOException {
    StageOptions o = context.options();
    FlowConfig.Prepare config = context.config().prepareConf();
    InputHash hash = InputHash.start().add("prepare-data").add(FORMAT).add(config.minSeconds())
        .add(config.maxSeconds()).add(minRate(o)).add(o.dev() == null ? devFraction(o) : "dev");
    fingerprint(hash, given.train());
    fingerprint(hash, given.dev());
    return hash;
  }

  /** Names, texts, and sizes and times of the files; their content is not read for this. */
  private static void fingerprint(InputHash hash, Source source) throws IOException {
    source.rejects().forEach(hash::add);
    for (Utterance u : source.utterances()) {
      hash.add(u);
      if (Files.isRegularFile(u.wav())) {
        hash.add(Files.size(u.wav())).add(Files.getLastModifiedTime(u.wav()).toMillis());
      }
    }
  }

  @Override
  public List<Path> results(StageContext context) {
    List<Path> results = new ArrayList<>();
    for (String split : List.of("train", "dev")) {
      KaldiFolder.FILES.forEach(name -> results.add(context.layout().data(split).resolve(name)));
      results.add(context.layout().rejects(split, Stage.PREPARE_DATA));
    }
    return results;
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    return List.of("train", "dev").stream().allMatch(s -> Files.exists(context.layout().data(s).resolve("wav.scp")));
  }

  @Override
  public Result run(StageContext context) throws IOException, InterruptedException {
    StageOptions o = context.options();
    AudioCheck check = new AudioCheck(context.config().prepareConf(), minRate(o));
    Map<String, Double> seconds = new HashMap<>();
    Given given = Given.by(o);
    InputHash recordings = recordings(context, given);
    Tally tally = new Tally(context.progress(), Stage.PREPARE_DATA,
        given.train().utterances().size() + given.dev().utterances().size());
    Checked train = check(context, "train", given.train(), check, seconds, tally);
    Checked dev = o.dev() == null ? null : check(context, "dev", given.dev(), check, seconds, tally);
    if (dev == null) {
      DevSplit split = DevSplit.of(requireSome(train.utterances(), "train"), devFraction(o));
      train = new Checked(split.train(), train.rejects(), train.belowTarget());
      dev = new Checked(split.dev(), new Rejects(context.layout().rejects("dev", Stage.PREPARE_DATA)), 0);
      dev.rejects().write();
    } else {
      requireDistinct(train.utterances(), dev.utterances());
    }
    KaldiFolder.write(context.layout().data("train"), requireSome(train.utterances(), "train"), seconds::get);
    KaldiFolder.write(context.layout().data("dev"), requireSome(dev.utterances(), "dev"), seconds::get);
    return result(context, recordings, train, dev, seconds);
  }

  /** @param belowTarget accepted recordings of a rate under 16 kHz, whose upper mel bins are empty */
  private record Checked(List<Utterance> utterances, Rejects rejects, int belowTarget) {}

  private static Checked check(StageContext context, String split, Source source, AudioCheck check,
      Map<String, Double> seconds, Tally tally) throws IOException, InterruptedException {
    Rejects rejects = new Rejects(context.layout().rejects(split, Stage.PREPARE_DATA));
    source.rejects().forEach(rejects::add);
    List<Utterance> accepted = new ArrayList<>();
    int[] low = {0};
    int total = source.utterances().size() + source.rejects().size();
    try (Workers workers = Workers.start()) {
      workers.map(source.utterances(), check::of, (u, outcome) -> {
        if (outcome.reject() != null) {
          rejects.add(outcome.reject());
        } else {
          accepted.add(u);
          seconds.put(u.utt(), outcome.seconds());
          low[0] += outcome.rate() < RELEASED_MODELS_RATE ? 1 : 0;
        }
        tally.add(1, "audio files");
      });
    }
    rejects.write();
    Rejects.requireAtMost(context.config().prepareConf().maxRejectFraction(), total, List.of(rejects));
    return new Checked(accepted, rejects, low[0]);
  }

  private static Result result(StageContext context, InputHash hash, Checked train, Checked dev,
      Map<String, Double> seconds) throws IOException {
    Map<String, Integer> reasons = train.rejects().byReason();
    dev.rejects().byReason().forEach((reason, n) -> reasons.merge(reason, n, Integer::sum));
    Set<String> speakers = new HashSet<>();
    train.utterances().forEach(u -> speakers.add(u.spk()));
    Map<String, Object> counts = new LinkedHashMap<>();
    counts.put("trainUtterances", train.utterances().size());
    counts.put("devUtterances", dev.utterances().size());
    counts.put("trainMinutes", minutes(train.utterances(), seconds));
    counts.put("devMinutes", minutes(dev.utterances(), seconds));
    counts.put("speakers", speakers.size());
    counts.put("rejected", train.rejects().size() + dev.rejects().size());
    counts.put("rejectedByReason", reasons);
    counts.put("below16kHz", train.belowTarget() + dev.belowTarget());

    for (String split : List.of("train", "dev")) {
      for (String name : List.of("wav.scp", "text", "utt2spk", "utt2dur")) {
        hash.file(context.layout().data(split).resolve(name));
      }
    }
    return new Result(counts, hash.hex());
  }

  private static double minutes(List<Utterance> utterances, Map<String, Double> seconds) {
    double sum = utterances.stream().mapToDouble(u -> seconds.get(u.utt())).sum();
    return Math.round(sum / 60 * 100) / 100.0;
  }

  private static List<Utterance> requireSome(List<Utterance> utterances, String split) {
    if (utterances.isEmpty()) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData", "no utterance is left for " + split
          + "; the folder needs wav.scp and text, or audio files with .txt beside them");
    }
    return utterances;
  }

  private static void requireDistinct(List<Utterance> train, List<Utterance> dev) {
    Set<String> names = new HashSet<>();
    train.forEach(u -> names.add(u.utt()));
    dev.stream().filter(u -> names.contains(u.utt())).findFirst().ifPresent(u -> {
      throw new StageFailure(ExitCode.BAD_DATA, "DuplicateUtterance",
          "'" + u.utt() + "' is in --train and in --dev; validation must not see training data");
    });
  }

  private static double devFraction(StageOptions o) {
    return o.devFraction() == null ? DEFAULT_DEV_FRACTION : o.devFraction();
  }

  private static int minRate(StageOptions o) {
    return isBuiltin(o.speakerEncoder()) && isBuiltin(o.tokenizer()) ? 1 : RELEASED_MODELS_RATE;
  }

  private static boolean isBuiltin(String model) {
    return model == null || model.equals("builtin");
  }
}
