package dev.flowtraining.trainer.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.models.ReleasedFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckTest {
  @TempDir Path folder;
  private String init = "builtin";
  private String speakerEncoder = "builtin";
  private String tokenizer = "builtin";
  private String vocoder = "builtin";
  private String device = "cpu";
  private Path train;
  private Path config;
  private String disk = "1Mi";
  private Path run;
  private boolean nccl;
  private Path deepspeed;
  private int num = 5;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private Check check() {
    StageOptions options = new StageOptions(train, null, train == null ? null : 0.1, null, speakerEncoder, tokenizer, init,
        vocoder, deepspeed == null ? "torch_ddp" : "deepspeed", deepspeed, device, null, num, "last", null);
    return new Check(new RunLayout(run == null ? folder.resolve("run") : run), config == null ? "tiny" : null, config, options, disk, nccl,
        Map.of("NVIDIA_SMI", folder.resolve("no-nvidia-smi").toString()));
  }

  private StageFailure failure() {
    StageFailure failure =
        catchThrowableOfType(StageFailure.class, () -> check().run(new PrintStream(out, true)));
    assertThat(failure).as("refusal; the table was\n" + out).isNotNull();
    return failure;
  }

  private List<String> missing() {
    return check().rows().stream().filter(r -> r.state() == Row.State.MISSING).map(Row::what).toList();
  }

  @Test
  void aMachineThatHasEverythingPasses() throws IOException {
    train = Files.createDirectories(folder.resolve("train"));
    Files.writeString(train.resolve("wav.scp"), "");
    Files.writeString(train.resolve("text"), "");
    check().run(new PrintStream(out, true));
    assertThat(out.toString()).contains("JDK").contains("libtorch").contains("disk").contains("parameters")
        .doesNotContain("missing");
  }

  @Test
  void eachMissingThingHasARowOfItsOwn() throws IOException {
    train = folder.resolve("nowhere");
    init = folder.resolve("no.pt").toString();
    speakerEncoder = folder.resolve("no.onnx").toString();
    tokenizer = folder.resolve("no-tokenizer").toString();
    vocoder = folder.resolve("no-hift.pt").toString();
    device = "cuda";
    disk = "900Ti";
    config = Files.writeString(folder.resolve("own.yaml"), "preset: tiny\ntrain_conf: {max_epohc: 3}\n");
    assertThat(missing()).containsExactly("GPU", "config", "disk", "training data", "speaker encoder", "tokenizer", "init",
        "vocoder");
    StageFailure failure = failure();
    assertThat(failure.reason()).isEqualTo("DeviceNotFound");
    assertThat(failure.getMessage()).contains("7 more").contains("tokenizer");
  }

  @Test
  void theReasonIsThatOfTheFirst() throws IOException {
    disk = "900Ti";
    assertThat(failure().reason()).isEqualTo("InsufficientDisk");
    assertThat(failure().exitCode()).isEqualTo(ExitCode.MISSING);
    config = Files.writeString(folder.resolve("own.yaml"), "preset: tiny\ntrain_conf: {max_epohc: 3}\n");
    assertThat(failure().reason()).isEqualTo("UnknownConfigKey");
    assertThat(failure().exitCode()).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void dataModelsAndVolumesThatAreNotThereAreNamed() throws IOException {
    train = folder.resolve("nowhere");
    assertThat(failure().reason()).isEqualTo("DataNotFound");
    train = Files.createDirectories(folder.resolve("train"));
    assertThat(failure().getMessage()).contains("neither wav.scp nor audio");
    Files.writeString(train.resolve("wav.scp"), "");
    assertThat(failure().getMessage()).contains("no text");
    train = null;
    init = folder.resolve("no.pt").toString();
    assertThat(failure().reason()).isEqualTo("ModelNotFound");
    Files.writeString(Path.of(init), "no checkpoint");
    assertThat(failure().reason()).isEqualTo("CheckpointUnreadable");
    init = "builtin";
    run = Files.writeString(folder.resolve("file"), "a file where the run directory should be");
    assertThat(failure().reason()).isEqualTo("VolumeNotWritable");
  }

  @Test
  void releasedModelsAreTried() throws IOException {
    tokenizer = ReleasedFiles.tokenizer(folder.resolve("tokenizer"), false).toString();
    speakerEncoder = Fixtures.file("onnx_stubs/campplus_stub.onnx").toString();
    check().run(new PrintStream(out, true));
    assertThat(out.toString().lines().filter(l -> l.contains("1 s of audio in"))).hasSize(3);
    Files.delete(Path.of(tokenizer).resolve("speech_tokenizer_v1.onnx"));
    assertThat(failure().reason()).isEqualTo("ModelNotFound");
    tokenizer = "builtin";
    speakerEncoder = Files.writeString(folder.resolve("campplus.onnx"), "no model").toString();
    assertThat(failure().reason()).isEqualTo("ModelUnreadable");
  }

  @Test
  void aDeepSpeedFileThatTrainingWouldRefuseIsRefusedHere() throws IOException {
    deepspeed = Files.writeString(folder.resolve("ds.json"), "{\"gradient_accumulation_steps\": 0}");
    assertThat(failure().exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(failure()).hasMessageContaining("gradient_accumulation_steps");
    deepspeed = folder.resolve("none.json");
    assertThat(failure().exitCode()).isEqualTo(ExitCode.MISSING);
    deepspeed = Files.writeString(folder.resolve("ds.json"), "{\"gradient_accumulation_steps\": 2}");
    assertThat(missing()).isEmpty();
  }

  @Test
  void theDiskHasToHoldTheCheckpoints() throws IOException {
    config = Files.writeString(folder.resolve("own.yaml"), "preset: tiny\ntrain_conf: {keep_last: 1000000}\n");
    assertThat(failure().reason()).isEqualTo("InsufficientDisk");
    assertThat(failure()).hasMessageContaining("checkpoints take").hasMessageContaining("keep_last");
  }

  @Test
  void checkpointsThatAreThereCountTowardsWhatTrainingNeeds() throws IOException {
    RunLayout layout = new RunLayout(Files.createDirectories(folder.resolve("going")));
    Path attempt = Files.createDirectories(layout.attempt(1));
    long free = Files.getFileStore(folder).getUsableSpace();
    DiskSize needed = new DiskSize(free + (1L << 40));
    assertThat(VolumeRows.disk(layout, new DiskSize(1), needed).state()).isEqualTo(Row.State.MISSING);
    try (RandomAccessFile sparse = new RandomAccessFile(attempt.resolve("epoch_0_whole.pt").toFile(), "rw")) {
      sparse.setLength(2L << 40);
    }
    assertThat(VolumeRows.disk(layout, new DiskSize(1), needed).state()).isEqualTo(Row.State.OK);
  }

  @Test
  void moreCheckpointsToAverageThanAreKeptIsAWarning() {
    assertThat(check().rows()).filteredOn(r -> r.state() == Row.State.WARN).isEmpty();
    num = 10;
    assertThat(check().rows()).filteredOn(r -> r.state() == Row.State.WARN).singleElement()
        .satisfies(r -> assertThat(r.todo()).contains("keep_last").contains("--num"));
  }

  @Test
  void audioBehindALinkIsFound() throws IOException {
    Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));
    Files.writeString(elsewhere.resolve("one.wav"), "audio");
    train = Files.createDirectories(folder.resolve("train"));
    Files.createSymbolicLink(train.resolve("anna"), elsewhere);
    assertThat(missing()).isEmpty();
  }

  @Test
  void sizesAreReadAsKubernetesWritesThem() {
    assertThat(DiskSize.of("500Mi").bytes()).isEqualTo(500L << 20);
    assertThat(DiskSize.of("10G").bytes()).isEqualTo(10_000_000_000L);
    assertThat(DiskSize.of("123").bytes()).isEqualTo(123);
    for (String bad : List.of("", "1gb", "-1", "1.5Gi", "999999999999999Ti")) {
      StageFailure failure = catchThrowableOfType(StageFailure.class, () -> DiskSize.of(bad));
      assertThat(failure).as(bad).isNotNull();
      assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
    }
  }

  @Test
  void theExchangeIsMeasuredOnlyBetweenRanks() {
    assertThat(check().rows()).extracting(Row::what).doesNotContain("NCCL");
    nccl = true;
    assertThat(check().rows()).filteredOn(r -> r.what().equals("NCCL")).singleElement()
        .matches(r -> r.state() == Row.State.WARN && r.todo().contains("every rank"));
  }

  @Test
  void theProductionModelTakesSeveralGibibytes() {
    MemoryEstimate estimate = MemoryEstimate.of(dev.flowtraining.trainer.config.ConfigLoader.preset("production"));
    assertThat(estimate.bytes()).isBetween(2L << 30, 8L << 30);
  }
}
