package dev.flowtraining.trainer.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;

/**
 * A whole {@code configs/flow_model.yaml}. The presets set every key; a user's file sets what differs.
 * Keys are the record components in snake case.
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record FlowConfig(
    ModelConfig model, FlowMatching cfm, Prepare prepareConf, Tokenizer tokenizerConf, Dataset datasetConf, Train trainConf,
    Probe probeConf) {

  public FlowConfig with(Train train) {
    return new FlowConfig(model, cfm, prepareConf, tokenizerConf, datasetConf, train, probeConf);
  }

  /** The probability path and the conditions' dropout of training. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record FlowMatching(
      // σ of the path's end.
      double sigmaMin,
      // Probability with which mu, speaker and prompt are zeroed together.
      double trainingCfgRate,
      // Probability that the first frames of the target are given as prompt.
      double promptProbability,
      // Longest prompt, as a fraction of the utterance's frames.
      double promptFraction) {}

  /** Stage 0. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Prepare(
      // Above this fraction of rejected utterances the stage fails.
      double maxRejectFraction,
      // Seconds; shorter utterances are rejected.
      double minSeconds,
      // Seconds; longer utterances are rejected.
      double maxSeconds) {}

  /** Stage 2: the built-in tokenizer's fit, and what the released one does first. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Tokenizer(
      // Codes at 16.67 Hz, at most 1024.
      int vq02Codes,
      // Codes at 25 Hz, at most 4096.
      int vq06Codes,
      // Lloyd iterations of k-means.
      int iterations,
      // Feature frames that the fit sees at most.
      int maxFitFrames,
      // Whether the released tokenizer sees audio without the silence at its ends.
      boolean trim) {}

  /** Which utterances are trained on: CosyVoice's {@code filter}, applied by stage 3. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Filter(
      // Units of 10 ms.
      int minLength,
      // Units of 10 ms.
      int maxLength,
      int tokenMinLength,
      int tokenMaxLength,
      // Text tokens per 10 ms.
      double minOutputInputRatio,
      // Text tokens per 10 ms.
      double maxOutputInputRatio,
      // {@code builtin} (words, signs and ideographs), or a .tiktoken file such as whisper's multilingual.tiktoken.
      String textTokenizer) {}

  /** Another data list that training mixes in. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Replay(
      // A data.list of another run, or of CosyVoice's tools, absolute or relative to the run directory; or none.
      String dataList,
      // The part of an epoch's utterances that comes from it.
      double weight) {}

  /** Stages 3 and 4: Parquet and batches. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Dataset(
      // Hz of the mel spectrogram's audio.
      int sampleRate,
      // Bytes of audio per Parquet file, about.
      long parquetBytes,
      // Bytes of a row group, about: what a worker reads, and holds, at a time.
      long rowGroupBytes,
      // {@code snappy}, {@code zstd} or {@code uncompressed}.
      String compression,
      Filter filterConf,
      // Padded mel frames of a micro-batch per rank.
      Replay replayConf,
      int maxFramesInBatch,
      int shuffleSize,
      int sortSize,
      // Threads that read, decode and compute mels.
      int numWorkers,
      // Batches that each worker prepares ahead at most.
      int prefetch,
      // MiB of prepared batches that wait for the trainer at most, whatever prefetch says.
      int prefetchMib,
      // Where finished examples are kept from epoch to epoch: {@code memory}, {@code disk} or {@code none}.
      String melCache,
      // MiB that the cache takes at most on each rank; in memory no more than a quarter of the heap either.
      int melCacheMib,
      // {@code utt} or {@code spk}: which embedding conditions the model.
      String speakerEmbedding) {}

  /** Stage 4. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Train(
      // {@code adam} or {@code adamw}.
      String optim,
      Optim optimConf,
      // {@code warmuplr}, {@code constantlr}, {@code NoamHoldAnnealing} or {@code cosine}.
      String scheduler,
      Scheduler schedulerConf,
      int maxEpoch,
      // Micro-batches per optimizer step and rank.
      int accumGrad,
      // Steps in a row without a finite loss or gradient, each of them skipped, that end the training.
      int maxSkippedSteps,
      // Largest global L2 norm of the gradient; 0 for no clipping.
      double gradClip,
      // Optimizer steps between two lines of the log.
      int logInterval,
      // Optimizer steps between two checkpoints within an epoch; -1 for none.
      int savePerStep,
      // Optimizer steps between two validations within an epoch; -1 for none. The end of an epoch validates always.
      int valInterval,
      // Validations without a better loss before training stops; 0 for never.
      int patience,
      // Newest checkpoints that stay on the volume.
      int keepLast,
      // Checkpoints with the best validation loss whose weights stay too; 0 for none.
      int keepBest,
      // Whether every tensor of models.init has to fit; otherwise what fits is taken and the rest drawn.
      boolean initStrict,
      long seed,
      // Whether the batches that take the most memory are tried before the first step.
      boolean worstBatchFirst,
      // Torch threads of a rank. Fixed, since sums depend on it.
      int threads,
      // Share of the micro-batches whose attention sees only its own chunk and those before, as in streaming.
      double streaming,
      // Tokens of a chunk; of mel frames it has twice as many.
      int chunkSize,
      // Overrides every dropout of the encoder when set.
      Double dropout,
      // Parameters that are not trained: a name, what stands before a dot in it, or a pattern with * and ?.
      List<String> freeze,
      // Decay per optimizer step of a moving average of the weights; 0 for none.
      double emaDecay,
      // Whether validation, probes, averaging and so what is exported take that average instead of the weights.
      boolean validateEma,
      // {@code fp32}, {@code tf32}, {@code bf16}, {@code fp16}, or {@code auto}: on a GPU bf16 where it has that, else
      // fp16; fp32 on the CPU.
      String precision,
      // Compute the blocks again in the backward pass instead of keeping what they computed: less memory, more time.
      boolean activationCheckpointing,
      // Record CUDA graphs, for which batches are filled up to few sizes.
      boolean cudaGraphs,
      // Compile kernels of our own for chains of operators, where there is a GPU.
      boolean fusedKernels) {

    public Train with(String optim, Optim optimConf) {
      return new Train(optim, optimConf, scheduler, schedulerConf, maxEpoch, accumGrad, maxSkippedSteps, gradClip,
          logInterval, savePerStep, valInterval, patience, keepLast, keepBest, initStrict, seed,
          worstBatchFirst, threads, streaming, chunkSize, dropout, freeze, emaDecay, validateEma, precision,
          activationCheckpointing, cudaGraphs, fusedKernels);
    }

    public Train with(int accumGrad, double gradClip, int logInterval, String precision) {
      return new Train(optim, optimConf, scheduler, schedulerConf, maxEpoch, accumGrad, maxSkippedSteps, gradClip,
          logInterval, savePerStep, valInterval, patience, keepLast, keepBest, initStrict, seed,
          worstBatchFirst, threads, streaming, chunkSize, dropout, freeze, emaDecay, validateEma, precision,
          activationCheckpointing, cudaGraphs, fusedKernels);
    }
  }

  /** Held-out utterances that stage 4 makes from their own tokens while it trains. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Probe(
      // Optimizer steps between two probes; -1 for none.
      int interval,
      // How many utterances, spread over the validation set.
      int utterances,
      // What is made of each at most.
      double seconds) {}

  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Optim(double lr, List<Double> betas, double eps, double weightDecay) {}

  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Scheduler(
      // Optimizer steps up to the full rate.
      int warmupSteps,
      // NoamHoldAnnealing: steps that stay at the full rate.
      int holdSteps,
      // NoamHoldAnnealing and cosine: the step after which the rate is minLr; 0 when it is not needed.
      int maxSteps,
      double minLr) {}
}
