package dev.flowtraining.trainer.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.train.Adam;
import dev.flowtraining.trainer.train.GradientNorm;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Times training steps on synthetic batches and prints one JSON line, to compare with PyTorch on the same machine. */
@CommandLine.Command(name = "bench", mixinStandardHelpOptions = true,
    description = "Times forward, backward, clipping and Adam of the flow model on synthetic batches.")
public final class Bench implements Callable<Integer> {
  private enum Preset { production, tiny }

  @Option(names = "--preset", defaultValue = "production", description = "Sizes: ${COMPLETION-CANDIDATES}.")
  private Preset preset;

  @Option(names = "--max-frames", defaultValue = "2000", description = "Padded mel frames of a micro-batch.")
  private int maxFrames;

  @Option(names = "--accum", defaultValue = "1", description = "Micro-batches per optimizer step.")
  private int accum;

  @Option(names = "--steps", defaultValue = "50", description = "Optimizer steps timed.")
  private int steps;

  @Option(names = "--warmup", defaultValue = "10", description = "Optimizer steps before the clock starts.")
  private int warmup;

  @Option(names = "--batches", defaultValue = "24", description = "Distinct prepared batches, cycled.")
  private int batches;

  @Option(names = "--lr", defaultValue = "1e-4", description = "Learning rate.")
  private double lr;

  @Option(names = "--grad-clip", defaultValue = "5", description = "Largest L2 norm of the gradient.")
  private double gradClip;

  @Option(names = "--device", defaultValue = "auto", description = "auto, cpu, cuda or cuda:N.")
  private String deviceName;

  @Option(names = "--threads", defaultValue = "1", description = "Threads within an operator.")
  private int threads;

  @Option(names = "--seed", defaultValue = "1986", description = "Seed of lengths, content and draws.")
  private int seed;

  private long micro;
  private long valid;
  private long padded;
  private long utterances;
  private double loss;
  private double norm;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Bench()).execute(args));
  }

  @Override
  public Integer call() throws JsonProcessingException {
    Device device = Torch.start(deviceName, threads);
    Torch.seed(seed);
    ModelConfig config = preset == Preset.production
        ? model(5121, 512, 8, 2048, 6, 4, new ModelConfig.Estimator(320, 80, 4, 16, 8, 64, 512))
        : model(101, 48, 2, 80, 2, 1, new ModelConfig.Estimator(320, 80, 2, 2, 2, 24, 48));
    SyntheticBatches data = new SyntheticBatches(config, batches, maxFrames, seed);
    try (Parameters parameters = Parameters.create(config, device);
        Adam adam = new Adam(parameters, new FlowConfig.Optim(lr, List.of(0.9, 0.999), 1e-8, 0), false);
        NDManager manager = NDManager.newBaseManager(device, "PyTorch")) {
      parameters.initialise(seed);
      FlowModel flow = new FlowModel(config, new FlowConfig.FlowMatching(1e-6, 0.2, 0.5, 0.3), parameters);
      List<Batch> prepared = new ArrayList<>();
      for (int i = 0; i < data.size(); i++) {
        prepared.add(data.batch(manager, i));
      }
      List<Double> warmupLosses = new ArrayList<>();
      for (int i = 0; i < warmup; i++) {
        step(flow, parameters, adam, data, prepared);
        warmupLosses.add(round(loss, 4));
      }
      micro = valid = padded = utterances = 0; // the peer starts over with the first batch too
      long cpuStart = cpuNanos();
      long start = System.nanoTime();
      for (int i = 0; i < steps; i++) {
        step(flow, parameters, adam, data, prepared);
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      double cpuSeconds = (cpuNanos() - cpuStart) / 1e9;
      System.out.println(new ObjectMapper().writeValueAsString(
          report(parameters, device, seconds, cpuSeconds, warmupLosses)));
    }
    return 0;
  }

  private void step(FlowModel flow, Parameters parameters, Adam adam, SyntheticBatches data, List<Batch> prepared) {
    parameters.zeroGrad();
    double frames = 0;
    double sum = 0;
    for (int i = 0; i < accum; i++) {
      Batch batch = prepared.get((int) (micro++ % prepared.size()));
      try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch")) {
        NDArray lossSum = flow.lossSum(batch, data.draws(batch), 0.1, m);
        Backward.run(lossSum);
        sum += lossSum.getFloat();
      }
      frames += batch.validFrames();
      valid += batch.validFrames();
      padded += batch.paddedFrames();
      utterances += batch.size();
    }
    double mean = 1 / (frames * 80);
    loss = sum * mean;
    norm = GradientNorm.l2(parameters) * mean;
    adam.step(lr, mean * Math.min(1, gradClip / (norm + 1e-6)));
  }

  private Map<String, Object> report(
      Parameters parameters, Device device, double seconds, double cpuSeconds, List<Double> warmupLosses) {
    Map<String, Object> r = new LinkedHashMap<>();
    r.put("preset", preset.name());
    r.put("params", parameters.count());
    r.put("style", "java");
    r.put("amp", "none");
    r.put("max_frames", maxFrames);
    r.put("accum", accum);
    r.put("world", 1);
    r.put("device", device.toString());
    r.put("threads", threads);
    r.put("optimizer_steps", steps);
    r.put("seconds", round(seconds, 4));
    r.put("cpu_seconds", round(cpuSeconds, 4));
    r.put("optimizer_steps_per_s", round(steps / seconds, 4));
    r.put("micro_batches_per_s", round(micro / seconds, 4));
    r.put("valid_frames_per_s", round(valid / seconds, 1));
    r.put("padded_frames_per_s", round(padded / seconds, 1));
    r.put("audio_seconds_per_s", round(valid / 50.0 / seconds, 2));
    r.put("utterances_per_s", round(utterances / seconds, 3));
    r.put("padding_efficiency", round((double) valid / padded, 4));
    r.put("mean_utts_per_micro_batch", round((double) utterances / micro, 2));
    r.put("warmup_losses", warmupLosses.subList(0, Math.min(3, warmupLosses.size())));
    r.put("last_loss", round(loss, 4));
    r.put("last_grad_norm", round(norm, 4));
    return r;
  }

  /** Of all threads; steadier than the clock on a machine that others use. */
  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
  }

  private static double round(double value, int digits) {
    return Double.parseDouble(String.format(Locale.ROOT, "%." + digits + "f", value));
  }

  private static ModelConfig model(
      int vocab, int width, int heads, int units, int blocks, int upBlocks, ModelConfig.Estimator estimator) {
    return new ModelConfig(vocab, width, 80, 192, new ModelConfig.Encoder(width, width, "linear", 3, blocks, upBlocks,
        2, 2, heads, "rel_pos_espnet", "rel_selfattn", true, units, 0.1, 0.1, 0.1, true), estimator, 0.7);
  }
}
