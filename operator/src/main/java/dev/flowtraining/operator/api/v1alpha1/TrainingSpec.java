package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.time.Duration;
import java.util.Optional;

/** The training set: one container for each rank, gpusPerPod of them in a pod. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "self.gpus % self.gpusPerPod == 0",
    message = "training.gpus must be a multiple of training.gpusPerPod: every pod holds the same number of ranks")
@ValidationRule(
    value = "self.device == 'cpu' || self.gpusPerPod == 1 || self.gpuSharing == 'DeviceClaim'",
    message = "with gpuSharing DevicePlugin a pod holds one GPU (containers of a pod that see only their own GPU "
        + "cannot reach each other): set training.gpusPerPod: 1, or gpuSharing: DeviceClaim (Kubernetes 1.34 and newer)")
@ValidationRule(
    value = "has(self.deepspeedConfig) == (self.engine == 'deepspeed')",
    message = "training.deepspeedConfig and training.engine: deepspeed belong together: set both or neither")
@ValidationRule(
    value = "!self.stallTimeout.matches('^(0+[hm])*(0*[0-9]s)?$')",
    message = "training.stallTimeout must be at least 10s: a trainer reports every two seconds at most")
public record TrainingSpec(
    @JsonPropertyDescription("The engine: torch_ddp (every rank holds everything) or deepspeed (ZeRO, see "
        + "deepspeedConfig).")
    Engine engine,

    @JsonPropertyDescription("The text of a DeepSpeed configuration (JSON, a ds_stage2.json); with engine deepspeed "
        + "only.")
    @Size(min = 1, max = 65536)
    String deepspeedConfig,

    @JsonPropertyDescription("What a rank computes on: cuda (a GPU for each rank) or cpu (no GPU is requested).")
    Device device,

    @JsonPropertyDescription("The number of ranks; with device cuda each has a GPU of its own.")
    @Min(1)
    @Max(1024)
    Integer gpus,

    @JsonPropertyDescription("How many ranks (containers) one pod holds; gpus / gpusPerPod pods are made.")
    @Min(1)
    @Max(16)
    Integer gpusPerPod,

    @JsonPropertyDescription("How a container gets its GPU: DevicePlugin requests one gpuResourceName for each "
        + "container; DeviceClaim claims the GPUs of a pod together (Kubernetes 1.34 and newer, a DRA driver), so that "
        + "ranks of a pod talk through NVLink.")
    GpuSharing gpuSharing,

    @JsonPropertyDescription("The DeviceClass of the GPUs, with gpuSharing DeviceClaim.")
    @Size(min = 1, max = 253)
    @Pattern("^[a-z0-9.-]+$")
    String gpuDeviceClass,

    @JsonPropertyDescription("The extended resource of the device plugin that stands for one GPU.")
    @Size(min = 1, max = 253)
    @Pattern("^[a-z0-9.-]+/[A-Za-z0-9._-]+$")
    String gpuResourceName,

    @JsonPropertyDescription("Where the pods of the training set lie to each other; anywhere without it.")
    Placement placement,

    @JsonPropertyDescription("CPU and memory of each rank (container); template.resources without it.")
    Resources resources,

    @JsonPropertyDescription("The whole set is restarted from the last checkpoint, with reason NoProgress, when no "
        + "progress was reported for this long, for example 30m or 1h30m. Make it longer than an epoch's "
        + "validation. A long training reports once a minute, or four times within this.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String stallTimeout,

    @JsonPropertyDescription("How long ranks at work wait for the others at the start of an attempt, for example "
        + "10m; then the whole set is restarted, and lastFailure names the ranks that are missing and why.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String rendezvousTimeout,

    @JsonPropertyDescription("How long stage 4 may take in all, restarts included and suspensions not, for example "
        + "72h; then the run fails with reason DeadlineExceeded, after a last checkpoint. No limit without it.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String activeDeadline) {

  private static final Duration REPORTS = Duration.ofMinutes(1);

  public TrainingSpec {
    engine = engine == null ? Engine.TORCH_DDP : engine;
    device = device == null ? Device.CUDA : device;
    gpus = gpus == null ? 1 : gpus;
    gpusPerPod = gpusPerPod == null ? 1 : gpusPerPod;
    gpuSharing = gpuSharing == null ? GpuSharing.DEVICE_PLUGIN : gpuSharing;
    gpuDeviceClass = gpuDeviceClass == null ? "gpu.nvidia.com" : gpuDeviceClass;
    gpuResourceName = gpuResourceName == null ? "nvidia.com/gpu" : gpuResourceName;
    stallTimeout = stallTimeout == null ? "30m" : stallTimeout;
    rendezvousTimeout = rendezvousTimeout == null ? "10m" : rendezvousTimeout;
  }

  public static TrainingSpec defaults() {
    return new TrainingSpec(null, null, null, null, null, null, null, null, null, null, null, null, null);
  }

  /** Whether a pod's ranks share a claim of GPUs. */
  public boolean claimsDevices() {
    return device == Device.CUDA && gpuSharing == GpuSharing.DEVICE_CLAIM;
  }

  public int pods() {
    return gpus / gpusPerPod;
  }

  public Optional<Duration> deadline() {
    return Optional.ofNullable(activeDeadline).map(Durations::parse);
  }

  public Duration stallAfter() {
    return Durations.parse(stallTimeout);
  }

  /** The longest time between two reports: a late one, or a lost one, is no stall. */
  public Duration reportEvery() {
    Duration quarter = stallAfter().dividedBy(4);
    return quarter.compareTo(REPORTS) < 0 ? quarter : REPORTS;
  }

  public Duration rendezvousWithin() {
    return Durations.parse(rendezvousTimeout);
  }
}
