package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.WholeFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** A Kaldi data folder as stage 0 writes it: {@code wav.scp text utt2spk spk2utt utt2dur}, sorted by bytes. */
public final class KaldiFolder {
  public static final List<String> FILES = List.of("wav.scp", "text", "utt2spk", "spk2utt", "utt2dur");

  private KaldiFolder() {}

  /** @param seconds duration of each utterance by its name */
  public static void write(Path folder, List<Utterance> utterances, ToDoubleFunction<String> seconds)
      throws IOException {
    List<Utterance> sorted = utterances.stream().sorted(Comparator.comparing(Utterance::utt, KaldiTable.ORDER)).toList();
    table(folder.resolve("text"), sorted, Utterance::text);
    table(folder.resolve("utt2spk"), sorted, Utterance::spk);
    table(folder.resolve("utt2dur"), sorted, u -> Double.toString(seconds.applyAsDouble(u.utt())));
    Map<String, StringJoiner> spk2utt = new HashMap<>();
    sorted.forEach(u -> spk2utt.computeIfAbsent(u.spk(), s -> new StringJoiner(" ")).add(u.utt()));
    KaldiTable.write(folder.resolve("spk2utt"), spk2utt.keySet(), spk -> spk2utt.get(spk).toString());
    table(folder.resolve("wav.scp"), sorted, u -> u.wav().toString());
  }

  /** One table at a time: all at once would take more memory than the utterances do. */
  private static void table(Path file, List<Utterance> sorted, Function<Utterance, String> value) throws IOException {
    WholeFile.write(file, channel -> {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      for (Utterance u : sorted) {
        out.write((u.utt() + " " + value.apply(u) + "\n").getBytes(StandardCharsets.UTF_8));
      }
      out.flush();
    });
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
