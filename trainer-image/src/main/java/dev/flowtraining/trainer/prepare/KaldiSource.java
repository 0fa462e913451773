package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.KaldiTable;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * {@code wav.scp} and {@code text}, with {@code utt2spk} if it is there (otherwise {@link Source#speakerOf}). Paths
 * that are not absolute are relative to the folder of {@code wav.scp}.
 */
final class KaldiSource {
  private KaldiSource() {}

  static Source read(Path folder, PathPrefix prefix, Consumer<StageFailure> problems) throws IOException {
    if (!Files.exists(folder.resolve("text"))) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound",
          folder + " has wav.scp but no text; write one line 'utterance transcript' for each utterance");
    }
    Map<String, String> wav = KaldiTable.read(folder.resolve("wav.scp"), KaldiTable.Value.REQUIRED, problems);
    Map<String, String> text = KaldiTable.read(folder.resolve("text"), KaldiTable.Value.MAY_BE_EMPTY, problems);
    Path speakers = folder.resolve("utt2spk");
    Map<String, String> utt2spk =
        Files.exists(speakers) ? KaldiTable.read(speakers, KaldiTable.Value.ONE_WORD, problems) : null;

    TreeSet<String> utts = new TreeSet<>(KaldiTable.ORDER);
    utts.addAll(wav.keySet());
    utts.addAll(text.keySet());
    List<Utterance> utterances = new ArrayList<>();
    List<Reject> rejects = new ArrayList<>();
    for (String utt : utts) {
      // taken out, so that there are not two of everything at the end
      String path = wav.remove(utt);
      String words = text.remove(utt);
      String spk = utt2spk == null ? Source.speakerOf(utt) : utt2spk.remove(utt);
      if (path == null) {
        rejects.add(new Reject(utt, RejectReason.MISSING_WAV, "text has it, wav.scp has not"));
      } else if (path.endsWith("|") || path.startsWith("|")) {
        rejects.add(new Reject(utt, RejectReason.PIPE, "commands in wav.scp are never run; write the audio to a file"));
      } else if (words == null) {
        rejects.add(new Reject(utt, RejectReason.MISSING_TEXT, "wav.scp has it, text has not"));
      } else if (words.isBlank()) {
        rejects.add(new Reject(utt, RejectReason.EMPTY_TEXT, "no words in text"));
      } else if (spk == null) {
        rejects.add(new Reject(utt, RejectReason.MISSING_SPEAKER, "utt2spk has no line for it"));
      } else {
        Path file = folder.toAbsolutePath().resolve(prefix.map(path)).normalize();
        utterances.add(new Utterance(utt, file, words, spk));
      }
    }
    return new Source(utterances, rejects);
  }
}
