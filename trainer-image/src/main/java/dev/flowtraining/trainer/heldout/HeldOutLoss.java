package dev.flowtraining.trainer.heldout;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Examples;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.data.Speakers;
import dev.flowtraining.trainer.data.Subset;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * The validation loss of a model, whole and apart for speakers that training hears and speakers that it does not. With
 * the same draws for every model, so that two differ by their weights alone.
 *
 * @param seenSpeakers null when there is none of the kind, or when the run does not know its speakers
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record HeldOutLoss(double all, Double seenSpeakers, Double unseenSpeakers) {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Whether the run directory has held-out utterances. */
  public static boolean possible(RunLayout layout) throws IOException {
    return Files.isRegularFile(layout.dataList("dev")) && Files.size(layout.dataList("dev")) > 0;
  }

  /** Of weights of the config's model, in float32. */
  public static HeldOutLoss of(RunLayout layout, FlowConfig config, StateDict weights, String device)
      throws IOException {
    try (Parameters parameters = Parameters.create(config.model(), Torch.start(device, config.trainConf().threads()))) {
      parameters.load(weights, true);
      return of(layout, config, parameters, new ParquetExamples(layout, "dev", config), new Alone(), () -> false);
    }
  }

  /** By all ranks together. */
  public static HeldOutLoss of(RunLayout layout, FlowConfig config, Parameters parameters, Examples dev,
      Collective collective, BooleanSupplier stopRequested) throws IOException {
    Optional<BitSet> heard = Speakers.heardInTraining(layout);
    Subset seen = new Subset(dev, i -> heard.isPresent() && heard.get().get(i));
    Subset unseen = new Subset(dev, i -> heard.isPresent() && !heard.get().get(i));
    return new HeldOutLoss(
        new Validation(Validation.model(config, parameters), dev, config, collective, stopRequested).loss(),
        part(seen, config, parameters, collective, stopRequested),
        part(unseen, config, parameters, collective, stopRequested));
  }

  private static Double part(Subset part, FlowConfig config, Parameters parameters, Collective collective,
      BooleanSupplier stopRequested) {
    return part.size() == 0 ? null : (Double) new Validation(
        Validation.model(config, parameters), part, config, collective, stopRequested).loss();
  }

  /** Better, equal or worse than a base, whole and for each kind of speaker that both have. */
  public Map<String, String> against(HeldOutLoss base) {
    Map<String, String> verdict = new LinkedHashMap<>();
    verdict.put("heldOut", verdict(all, base.all));
    if (seenSpeakers != null && base.seenSpeakers != null) {
      verdict.put("seenSpeakers", verdict(seenSpeakers, base.seenSpeakers));
    }
    if (unseenSpeakers != null && base.unseenSpeakers != null) {
      verdict.put("unseenSpeakers", verdict(unseenSpeakers, base.unseenSpeakers));
    }
    return verdict;
  }

  private static String verdict(double loss, double base) {
    return loss < base ? "better" : loss == base ? "equal" : "worse";
  }

  /** For the log. */
  public String text() {
    return String.format(Locale.ROOT, "%.4f", all)
        + (seenSpeakers == null ? "" : String.format(Locale.ROOT, ", of speakers that training hears %.4f", seenSpeakers))
        + (unseenSpeakers == null ? "" : String.format(Locale.ROOT, ", of others %.4f", unseenSpeakers));
  }

  public void write(Path json) throws IOException {
    WholeFile.text(json, JSON.writeValueAsString(this) + "\n");
  }

  /** Empty when training did not start from a model. */
  public static Optional<HeldOutLoss> read(Path json) throws IOException {
    return Files.isRegularFile(json) ? Optional.of(JSON.readValue(json.toFile(), HeldOutLoss.class)) : Optional.empty();
  }
}
