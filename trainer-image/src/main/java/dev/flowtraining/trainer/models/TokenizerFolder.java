package dev.flowtraining.trainer.models;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The files of the released tokenizer. {@code Step-Audio-Tokenizer} has the centroids and vq06 at its top and FunASR's
 * model below; that model's files may also lie at the top or in a folder beside.
 *
 * @param centroids {@code linguistic_tokenizer.npy}, (codes, width) of vq02
 * @param vq06 {@code speech_tokenizer_v1.onnx}
 * @param cmvn {@code am.mvn}
 * @param weights {@code model.pt}; null when the encoder is an ONNX file
 * @param config {@code config.yaml} beside {@code model.pt}; null when the encoder is an ONNX file
 * @param chunkEncoder {@code sanm_chunk.onnx}, the encoder for one chunk with its caches as inputs and outputs; null
 *     when there is {@code model.pt}, which is faster
 */
public record TokenizerFolder(Path centroids, Path vq06, Path cmvn, Path weights, Path config, Path chunkEncoder) {
  public static final String NAME = "Step-Audio-Tokenizer";
  public static final String FUN_ASR = "speech_paraformer-large_asr_nat-zh-cantonese-en-16k-vocab8501-online";
  private static final String WEIGHTS = "model.pt";
  private static final String CONFIG = "config.yaml";
  private static final String CHUNK_ENCODER = "sanm_chunk.onnx";

  /** A folder's files as far as they are there, and what is missing. */
  public record Found(TokenizerFolder files, List<String> missing, List<Path> searched) {}

  /** @throws StageFailure 66 {@code ModelNotFound}, naming what is missing and which folders were searched */
  public static TokenizerFolder of(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new StageFailure(ExitCode.MISSING, "ModelNotFound",
          "the tokenizer folder " + folder + " is not there; give the path of " + NAME + ", or --tokenizer builtin");
    }
    Found found = find(folder);
    if (!found.missing().isEmpty()) {
      throw new StageFailure(ExitCode.MISSING, "ModelNotFound", "the tokenizer in " + folder + " lacks "
          + String.join(", ", found.missing()) + "; searched " + String.join(", ", found.searched().stream()
              .map(Path::toString).toList()) + "; fetch the rest of " + NAME + ", or take --tokenizer builtin");
    }
    return found.files();
  }

  public static Found find(Path folder) {
    Path top = folder.toAbsolutePath().normalize();
    List<Path> searched =
        new ArrayList<>(List.of(top, top.resolve("dengcunqin").resolve(FUN_ASR), top.resolve(FUN_ASR)));
    if (top.getParent() != null) {
      searched.add(top.resolveSibling(FUN_ASR));
    }
    searched.removeIf(p -> !Files.isDirectory(p));
    List<String> missing = new ArrayList<>();
    Path centroids = first(List.of(top), "linguistic_tokenizer.npy", missing);
    Path vq06 = first(List.of(top), "speech_tokenizer_v1.onnx", missing);
    Path cmvn = first(searched, "am.mvn", missing);
    Path weights = first(searched, WEIGHTS, null);
    Path chunkEncoder = weights == null ? first(searched, CHUNK_ENCODER, null) : null;
    Path config = weights == null ? null : first(List.of(weights.getParent()), CONFIG, missing);
    if (weights == null && chunkEncoder == null) {
      missing.add(WEIGHTS + " (or " + CHUNK_ENCODER + ")");
    }
    return new Found(new TokenizerFolder(centroids, vq06, cmvn, weights, config, chunkEncoder), missing, searched);
  }

  private static Path first(List<Path> folders, String name, List<String> missing) {
    Path found = folders.stream().map(f -> f.resolve(name)).filter(Files::isRegularFile).findFirst().orElse(null);
    if (found == null && missing != null) {
      missing.add(name);
    }
    return found;
  }

  /** The files that are there. */
  public List<Path> files() {
    return Stream.of(centroids, vq06, cmvn, weights, config, chunkEncoder).filter(f -> f != null).toList();
  }

  /** Adds the content of all files: another model gives other tokens. */
  public InputHash addTo(InputHash hash) throws IOException {
    for (Path file : files()) {
      hash.add(file.getFileName()).file(file);
    }
    return hash;
  }
}
