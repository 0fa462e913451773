package dev.flowtraining.trainer;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What the command line adds to the config; a null means that the option was not given.
 *
 * @param train folder with {@code wav.scp}, {@code text} and perhaps {@code utt2spk}, or a folder of audio
 * @param dev like {@code train}; excludes {@code devFraction}
 * @param devFraction part of the training utterances that is held out
 * @param pathPrefix {@code FROM=TO}: how paths in {@code wav.scp} are mapped
 * @param speakerEncoder {@code builtin} or a {@code campplus.onnx}
 * @param tokenizer {@code builtin} or the folder of the released tokenizer
 * @param init {@code builtin} (random) or a checkpoint to start from
 * @param vocoder {@code builtin} (Griffin-Lim) or a {@code hift.pt}
 * @param engine {@code torch_ddp} or {@code deepspeed}
 * @param deepspeedConfig a {@code ds_stage2.json}
 * @param device {@code auto}, {@code cpu} or {@code cuda}
 * @param resumeFrom the checkpoint that the operator accepted, relative to the run directory
 * @param averageNum checkpoints to average
 * @param averageBy {@code last}, {@code valBest} or {@code ema}
 * @param rendezvousTimeout how long ranks wait for each other
 */
public record StageOptions(
    Path train,
    Path dev,
    Double devFraction,
    String pathPrefix,
    String speakerEncoder,
    String tokenizer,
    String init,
    String vocoder,
    String engine,
    Path deepspeedConfig,
    String device,
    String resumeFrom,
    int averageNum,
    String averageBy,
    Duration rendezvousTimeout) {}
