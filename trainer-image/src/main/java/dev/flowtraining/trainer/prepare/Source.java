package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a user's folder lists, before any audio is looked at.
 *
 * @param rejects utterances whose entry alone shows that they cannot be used
 */
public record Source(List<Utterance> utterances, List<Reject> rejects) {

  /**
   * A folder with {@code wav.scp} is Kaldi input, any other is a folder of audio.
   *
   * @throws StageFailure 66 {@code DataNotFound} when the folder is not there
   */
  static Source read(String option, Path folder, PathPrefix prefix) throws IOException {
    return read(option, folder, prefix, problem -> {
      throw problem;
    });
  }

  /**
   * The same, going on after bad lines and duplicate names.
   *
   * @param pathPrefix {@code FROM=TO}, or null
   * @param problems is told of each
   */
  public static Source read(String option, Path folder, String pathPrefix, Consumer<StageFailure> problems)
      throws IOException {
    return read(option, folder, PathPrefix.of(pathPrefix), problems);
  }

  private static Source read(String option, Path folder, PathPrefix prefix, Consumer<StageFailure> problems)
      throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound",
          option + " " + folder + " is no folder that can be read; check the path and the data volume");
    }
    return Files.exists(folder.resolve("wav.scp")) ? KaldiSource.read(folder, prefix, problems)
        : FolderSource.read(folder, problems);
  }

  /**
   * The speaker where nobody names it: the utterance's name up to the first {@code _} or {@code -}, as in LibriTTS'
   * {@code 1089_134686_000001}; the whole name when there is neither.
   */
  static String speakerOf(String name) {
    for (int i = 1; i < name.length(); i++) {
      if (name.charAt(i) == '_' || name.charAt(i) == '-') {
        return name.substring(0, i);
      }
    }
    return name;
  }
}
