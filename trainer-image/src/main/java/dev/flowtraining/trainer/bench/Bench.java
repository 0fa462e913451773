package dev.flowtraining.trainer.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.collective.Nccl;
import dev.flowtraining.trainer.collective.Rendezvous;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Passes;
import dev.flowtraining.trainer.model.Pieces;
import dev.flowtraining.trainer.torch.Cuda;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.train.Adam;
import dev.flowtraining.trainer.train.Exchange;
import dev.flowtraining.trainer.train.Replicated;
import dev.flowtraining.trainer.train.Update;
import dev.flowtraining.trainer.train.Zero;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Times training steps on synthetic batches and prints one JSON line, to compare with PyTorch on the same machine. */
@CommandLine.Command
public final class Bench {
  private enum Preset { production, tiny }

  /** Of torch's GradScaler at the start; it stays here. */
  private static final double LOSS_SCALE = 65536;

  @Option(names = "--preset", defaultValue = "production", description = "Sizes: ${COMPLETION-CANDIDATES}.")
  private Preset preset;

  @Option(names = "--max-frames", defaultValue = "2000", description = "Padded mel frames of a micro-batch.")
  private int maxFrames;

  @Option(names = "--accum", defaultValue = "1", description = "Micro-batches per optimizer step.")
  private int accum;

  @Option(names = "--steps", defaultValue = "50", description = "Optimizer steps timed.")
  private int steps;

  @Option(names = "--warmup", defaultValue = "10", description = "Optimizer steps before the clock starts; with CUDA "
      + "graphs 60 of them, since each shape is recorded when it comes again.")
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

  @Option(names = "--precision", defaultValue = "auto", description = "fp32, tf32, bf16, fp16 or auto.")
  private String precisionName;

  @Option(names = "--graphs", arity = "1", defaultValue = "true", description = "Record CUDA graphs: true or false.")
  private boolean graphs;

  @Option(names = "--kernels", arity = "1", defaultValue = "true",
      description = "Fuse chains of operators to kernels compiled at the start: true or false.")
  private boolean kernels;

  @Option(names = "--zero", defaultValue = "0", description = "Stage of ZeRO over the ranks: 0, 1 or 2.")
  private int zero;

  @Option(names = "--deal", arity = "1", defaultValue = "true", description = "Batches of like length meet in a step, "
      + "as in training; without it each rank shuffles its own, as PyTorch's: true or false.")
  private boolean deal;

  @Option(names = "--overlap", arity = "1", defaultValue = "true",
      description = "Exchange gradients beside the backward pass, between GPUs: true or false.")
  private boolean overlap;

  @Option(names = "--recompute", arity = "1", defaultValue = "false",
      description = "Compute blocks again in the backward pass: true or false.")
  private boolean recompute;

  private Precision precision;
  private long micro;
  private long valid;
  private long padded;
  private long utterances;
  private Collective collective;
  private double mean;
  private NDArray lossSum;
  private Update update;

  /** @param out gets the line */
  public void run(PrintStream out) {
    Ranks ranks = Ranks.of(System.getenv());
    Device device = Torch.start(deviceName, ranks.localRank(), threads);
    precision = Precision.of(precisionName, device);
    Torch.use(precision);
    Torch.seed(seed);
    ModelConfig config = preset == Preset.production
        ? model(5121, 512, 8, 2048, 6, 4, new ModelConfig.Estimator(320, 80, 4, 16, 8, 64, 512))
        : model(101, 48, 2, 80, 2, 1, new ModelConfig.Estimator(320, 80, 2, 2, 2, 24, 48));
    collective = Rendezvous.join(ranks, "bench", Duration.ofMinutes(2), Duration.ofSeconds(20));
    if (device.isGpu() && collective.worldSize() > 1) {
      collective = Nccl.over(collective, () -> Cuda.currentStream(device.getDeviceId()));
    }
    try {
      time(config, device, out);
      collective.close();
    } catch (RuntimeException e) {
      collective.abort(e.toString());
      throw e;
    }
  }

  private void time(ModelConfig config, Device device, PrintStream out) {
    SyntheticBatches data = deal
        ? SyntheticBatches.dealt(config, batches, maxFrames, seed, collective.rank())
        : SyntheticBatches.own(config, batches, maxFrames, seed, collective.rank());
    boolean shards = zero > 0 && collective.worldSize() > 1;
    Parameters.Layout layout = new Parameters.Layout(
        Set.of(), shards ? collective.worldSize() : 1, shards && zero == 2 && precision.isHalf());
    try (Parameters parameters = Parameters.create(config, device, precision, layout)) {
      parameters.initialise(seed);
      Pieces pieces = overlap && device.isGpu() && collective.worldSize() > 1
          ? Pieces.of(parameters) : Pieces.whole(parameters);
      try (Exchange exchange = shards
              ? new Zero(parameters, collective, new Zero.Sizes(500_000_000, 500_000_000), pieces)
              : new Replicated(parameters, collective, pieces);
          Adam adam = new Adam(exchange.share(), new FlowConfig.Optim(lr, List.of(0.9, 0.999), 1e-8, 0), false)) {
        time(config, device, data, exchange, adam, out);
      }
    }
  }

  private void time(ModelConfig config, Device device, SyntheticBatches data, Exchange exchange, Adam adam,
      PrintStream out) {
    Parameters parameters = exchange.share().parameters();
    FlowModel flow = new FlowModel(config, new FlowConfig.FlowMatching(1e-6, 0.2, 0.5, 0.3), parameters);
    List<Batch> prepared = new ArrayList<>();
    for (int i = 0; i < data.size(); i++) {
      prepared.add(data.batch(i));
    }
    List<Double> warmupLosses = new ArrayList<>();
    try (Passes passes = Passes.of(flow, parameters, 0.1, maxFrames, graphs, kernels, recompute)
            .tell(exchange.pieces(), exchange::gradientsFinal);
        PassClock clockOrNull = device.isGpu() ? new PassClock(device.getDeviceId()) : null;
        DrawsAhead draws = new DrawsAhead(data, prepared, accum * (warmup + steps), warmup * accum)) {
      if (precision == Precision.FP16) {
        passes.scaleLoss(LOSS_SCALE);
      }
      for (int i = 0; i < warmup; i++) {
        step(passes, exchange, adam, draws, clockOrNull);
        warmupLosses.add(round(lossSum.getFloat() * mean, 4));
      }
      synchronize(device);
      collective.barrier();
      micro = valid = padded = utterances = 0;
      long cpuStart = cpuNanos();
      long start = System.nanoTime();
      for (int i = 0; i < steps; i++) {
        step(passes, exchange, adam, draws, clockOrNull);
      }
      synchronize(device);
      double seconds = (System.nanoTime() - start) / 1e9;
      double cpuSeconds = (cpuNanos() - cpuStart) / 1e9;
      double[] sums = collective.allReduce(micro, valid, padded, utterances);
      micro = (long) sums[0];
      valid = (long) sums[1];
      padded = (long) sums[2];
      utterances = (long) sums[3];
      Map<String, Object> report = report(parameters, device, seconds, cpuSeconds, warmupLosses);
      if (clockOrNull != null) {
        PassClock.Times times = clockOrNull.ofLast(steps, collective);
        report.put("passes_ms_mean", round(times.mean(), 3));
        report.put("passes_ms_slowest_rank", round(times.slowest(), 3));
      }
      if (collective.rank() == 0) {
        out.println(new ObjectMapper().valueToTree(report).toString());
      }
    }
  }

  private static void synchronize(Device device) {
    if (device.isGpu()) {
      Cuda.synchronize();
    }
  }

  private void step(Passes passes, Exchange exchange, Adam adam, DrawsAhead draws, PassClock clockOrNull) {
    double frames = 0;
    if (update != null) {
      update.close();
    }
    if (clockOrNull != null) {
      clockOrNull.stepBegins();
    }
    passes.begin();
    lossSum = passes.lossSum();
    for (int i = 0; i < accum; i++) {
      DrawsAhead.Drawn drawn = draws.next();
      Batch batch = drawn.batch();
      exchange.passBegins(i == accum - 1);
      passes.run(batch, drawn.draws(), micro);
      exchange.passDone();
      micro++;
      frames += batch.validFrames();
      valid += batch.validFrames();
      padded += batch.paddedFrames();
      utterances += batch.size();
    }
    if (clockOrNull != null) {
      clockOrNull.passesEnd();
    }
    mean = 1 / (collective.allReduce(frames)[0] * 80);
    update = Update.apply(exchange, adam, lr, mean / passes.lossScale(), gradClip);
  }

  private Map<String, Object> report(
      Parameters parameters, Device device, double seconds, double cpuSeconds, List<Double> warmupLosses) {
    Map<String, Object> r = new LinkedHashMap<>();
    r.put("preset", preset.name());
    r.put("params", parameters.count());
    r.put("style", "java");
    r.put("precision", precision.toString());
    r.put("graphs", graphs && device.isGpu());
    r.put("kernels", kernels && device.isGpu());
    r.put("max_frames", maxFrames);
    r.put("accum", accum);
    r.put("zero", zero);
    r.put("overlap", overlap);
    r.put("deal", deal);
    r.put("recompute", recompute);
    r.put("world", collective.worldSize());
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
    r.put("last_loss", round(lossSum.getFloat() * mean, 4));
    r.put("last_grad_norm", round(update.norm(), 4));
    if (device.isGpu()) {
      // the allocator gives nothing back, so this is the peak; the context and libraries are in it
      r.put("peak_mem_device_mib", Cuda.usedMemory() >> 20);
    }
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
