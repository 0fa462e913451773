package dev.flowtraining.trainer.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A Kaldi data folder as stage 0 writes it: {@code wav.scp text utt2spk spk2utt utt2dur}, sorted by bytes. */
public final class KaldiFolder {
  private KaldiFolder() {}

  /** @param seconds duration of each utterance, in the order of {@code utterances} */
  public static void write(Path folder, List<Utterance> utterances, Map<String, Double> seconds) throws IOException {
    Map<String, String> wav = new LinkedHashMap<>();
    Map<String, String> text = new LinkedHashMap<>();
    Map<String, String> utt2spk = new LinkedHashMap<>();
    Map<String, String> utt2dur = new LinkedHashMap<>();
    for (Utterance u : utterances) {
      wav.put(u.utt(), u.wav().toString());
      text.put(u.utt(), u.text());
      utt2spk.put(u.utt(), u.spk());
      utt2dur.put(u.utt(), Double.toString(seconds.get(u.utt())));
    }
    Map<String, List<String>> spk2utt = new TreeMap<>(KaldiTable.ORDER);
    utt2spk.keySet().stream().sorted(KaldiTable.ORDER)
        .forEach(utt -> spk2utt.computeIfAbsent(utt2spk.get(utt), s -> new ArrayList<>()).add(utt));
    Map<String, String> lists = new LinkedHashMap<>();
    spk2utt.forEach((spk, utts) -> lists.put(spk, String.join(" ", utts)));
    Files.createDirectories(folder);
    KaldiTable.write(folder.resolve("text"), text);
    KaldiTable.write(folder.resolve("utt2spk"), utt2spk);
    KaldiTable.write(folder.resolve("spk2utt"), lists);
    KaldiTable.write(folder.resolve("utt2dur"), utt2dur);
    KaldiTable.write(folder.resolve("wav.scp"), wav);
  }

  /** The utterances in the order of the files. */
  public static List<Utterance> read(Path folder) throws IOException {
    Map<String, String> text = KaldiTable.read(folder.resolve("text"), KaldiTable.Value.REQUIRED);
    Map<String, String> utt2spk = KaldiTable.read(folder.resolve("utt2spk"), KaldiTable.Value.REQUIRED);
    List<Utterance> utterances = new ArrayList<>();
    KaldiTable.read(folder.resolve("wav.scp"), KaldiTable.Value.REQUIRED).forEach((utt, wav) ->
        utterances.add(new Utterance(utt, Path.of(wav), text.get(utt), utt2spk.get(utt))));
    return utterances;
  }
}
