package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.AudioFormat;
import dev.flowtraining.trainer.data.KaldiTable;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A folder of audio, each file with its transcript beside it ({@code NAME.flac} and {@code NAME.txt}), at any depth. The
 * utterance is named by its path ({@code anna/one.flac} is {@code anna-one}); the speaker is the file's folder, or for
 * files at the top {@link Source#speakerOf} their name.
 */
final class FolderSource {
  private FolderSource() {}

  static Source read(Path folder, Consumer<StageFailure> problems) throws IOException {
    Path top = folder.toAbsolutePath().normalize();
    Map<String, Path> files = new HashMap<>();
    try (Stream<Path> walk = Files.walk(top, FileVisitOption.FOLLOW_LINKS)) {
      for (Path file : walk.filter(Files::isRegularFile).filter(FolderSource::isAudio).sorted().toList()) {
        String utt = name(top.relativize(file));
        Path other = files.putIfAbsent(utt, file);
        if (other != null) {
          problems.accept(new StageFailure(ExitCode.BAD_DATA, "DuplicateUtterance",
              other + " and " + file + " would both be utterance '" + utt + "'; rename one"));
        }
      }
    }
    List<Utterance> utterances = new ArrayList<>();
    List<Reject> rejects = new ArrayList<>();
    for (String utt : files.keySet().stream().sorted(KaldiTable.ORDER).toList()) {
      accept(utt, files.get(utt), top, utterances, rejects);
    }
    return new Source(utterances, rejects);
  }

  private static void accept(String utt, Path file, Path top, List<Utterance> utterances, List<Reject> rejects)
      throws IOException {
    String fileName = file.getFileName().toString();
    Path sidecar = file.resolveSibling(fileName.substring(0, fileName.lastIndexOf('.')) + ".txt");
    if (!Files.isRegularFile(sidecar)) {
      rejects.add(new Reject(utt, RejectReason.MISSING_TEXT, "there is no " + sidecar));
      return;
    }
    String text;
    try {
      text = Files.readString(sidecar).strip().replaceAll("\\s+", " ");
    } catch (CharacterCodingException e) {
      rejects.add(new Reject(utt, RejectReason.MISSING_TEXT, sidecar + " is not UTF-8"));
      return;
    }
    if (text.isEmpty()) {
      rejects.add(new Reject(utt, RejectReason.EMPTY_TEXT, sidecar + " is empty"));
      return;
    }
    Path parent = file.getParent();
    String spk = parent.equals(top) ? Source.speakerOf(utt) : oneWord(parent.getFileName().toString());
    utterances.add(new Utterance(utt, file, text, spk));
  }

  private static boolean isAudio(Path file) {
    return AudioFormat.isAudioName(file.getFileName().toString());
  }

  /** A relative path without its extension, as one word. */
  private static String name(Path relative) {
    String path = relative.toString();
    return oneWord(path.substring(0, path.lastIndexOf('.')));
  }

  private static String oneWord(String name) {
    return name.replace('/', '-').replaceAll("\\s+", "_");
  }
}
