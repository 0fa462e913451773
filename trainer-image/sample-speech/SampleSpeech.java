import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Unpacked Debian packages → a Kaldi folder of 16 kHz WAV files. Run by sample-speech.sh as a source file:
 * {@code SampleSpeech.java PACKAGES OUT MINUTES}. G.722 is decoded by libspandsp.
 */
public final class SampleSpeech {
  private static final int RATE = 16_000;
  private static final double SHORTEST = 0.8;
  private static final double LONGEST = 2.5;
  /** A G.722 byte is two samples at 16 kHz. */
  private static final int SAMPLES_PER_BYTE = 2;

  private record Clip(String spk, String utt, String text, Path file, double seconds) {}

  public static void main(String[] args) throws Throwable {
    Path packages = Path.of(args[0]);
    Path out = Path.of(args[1]);
    List<Clip> clips = new ArrayList<>(read(packages.resolve("pocketsphinx-testdata")));
    Map<String, List<Clip>> voices = prompts(packages);
    double each = Integer.parseInt(args[2]) * 60.0 / voices.size();
    voices.values().forEach(voice -> clips.addAll(some(voice, each)));
    write(out, clips);
    System.err.printf("sample-speech: %d utterances, %.1f minutes, %d voices%n", clips.size(),
        clips.stream().mapToDouble(Clip::seconds).sum() / 60, clips.stream().map(Clip::spk).distinct().count());
  }

  /** Sentences with transcripts. */
  private static List<Clip> read(Path root) throws IOException {
    Path data = root.resolve("usr/share/pocketsphinx/test/data");
    List<Clip> clips = new ArrayList<>();
    for (String[] set : new String[][] {{"librivox", "transcription"}, {"cards", "cards.transcription"}}) {
      for (String line : Files.readAllLines(data.resolve(set[0]).resolve(set[1]))) {
        int open = line.lastIndexOf('(');
        String id = line.substring(open + 1, line.lastIndexOf(')'));
        Path wav = data.resolve(set[0]).resolve(id + ".wav");
        double seconds = (Files.size(wav) - 44) / 2.0 / RATE;
        if (seconds >= SHORTEST) {
          String text = line.substring(0, open).replaceAll("</?s>", "").strip().replaceAll("\\s+", " ");
          clips.add(new Clip(set[0], set[0] + "-" + id.replaceAll("[^A-Za-z0-9]+", "_"), text, wav, seconds));
        }
      }
    }
    return clips;
  }

  /** Prompts by voice; the voice is the language, country and gender at the front of the folder's name. */
  private static Map<String, List<Clip>> prompts(Path packages) throws IOException {
    Map<String, List<Clip>> voices = new TreeMap<>();
    try (Stream<Path> all = Files.walk(packages)) {
      for (Path file : all.filter(f -> f.toString().endsWith(".g722")).sorted().toList()) {
        Path sounds = file;
        while (!sounds.getParent().endsWith("sounds")) {
          sounds = sounds.getParent();
        }
        double seconds = Files.size(file) * SAMPLES_PER_BYTE / (double) RATE;
        String prompt = sounds.relativize(file).toString().replaceAll("\\.g722$", "");
        if (prompt.startsWith("silence") || seconds < SHORTEST || seconds > LONGEST) {
          continue;
        }
        String spk = sounds.getFileName().toString().replaceAll("^([a-z]+_[A-Z]+_[a-z]).*", "$1");
        String words = prompt.replaceAll("[^A-Za-z0-9]+", " ").strip();
        voices.computeIfAbsent(spk, s -> new ArrayList<>())
            .add(new Clip(spk, spk + "-" + words.replace(' ', '_'), words, file, seconds));
      }
    }
    return voices;
  }

  /** Clips of so many seconds together, spread over the alphabet and the same every time. */
  private static List<Clip> some(List<Clip> voice, double seconds) {
    List<Clip> chosen = new ArrayList<>();
    double sum = 0;
    for (Clip c : voice.stream().sorted(Comparator.comparingLong((Clip c) -> crc(c.utt()))).toList()) {
      if (sum < seconds) {
        chosen.add(c);
        sum += c.seconds();
      }
    }
    return chosen;
  }

  private static long crc(String s) {
    CRC32 crc = new CRC32();
    crc.update(s.getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }

  private static void write(Path out, List<Clip> clips) throws Throwable {
    Files.createDirectories(out.resolve("wav"));
    Map<String, Clip> byName = new TreeMap<>();
    clips.forEach(c -> byName.merge(c.utt(), c, (a, b) -> {
      throw new IllegalStateException(a.file() + " and " + b.file() + " have one name");
    }));
    StringBuilder scp = new StringBuilder();
    StringBuilder text = new StringBuilder();
    StringBuilder utt2spk = new StringBuilder();
    try (G722 g722 = new G722()) {
      for (Clip c : byName.values()) {
        Path wav = out.resolve("wav").resolve(c.utt() + ".wav");
        if (c.file().toString().endsWith(".wav")) {
          Files.copy(c.file(), wav);
        } else {
          Files.write(wav, wav(g722.decode(Files.readAllBytes(c.file()))));
        }
        scp.append(c.utt()).append(" wav/").append(c.utt()).append(".wav\n");
        text.append(c.utt()).append(' ').append(c.text()).append('\n');
        utt2spk.append(c.utt()).append(' ').append(c.spk()).append('\n');
      }
    }
    Files.writeString(out.resolve("wav.scp"), scp);
    Files.writeString(out.resolve("text"), text);
    Files.writeString(out.resolve("utt2spk"), utt2spk);
  }

  private static byte[] wav(byte[] pcm) {
    return ByteBuffer.allocate(44 + pcm.length).order(ByteOrder.LITTLE_ENDIAN)
        .put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + pcm.length)
        .put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16)
        .putShort((short) 1).putShort((short) 1).putInt(RATE).putInt(2 * RATE).putShort((short) 2).putShort((short) 16)
        .put("data".getBytes(StandardCharsets.US_ASCII)).putInt(pcm.length).put(pcm).array();
  }

  /** libspandsp's decoder, 64 kbit/s. */
  private static final class G722 implements AutoCloseable {
    private static final int BIT_RATE = 64_000;
    private final Arena arena = Arena.ofConfined();
    private final MethodHandle init;
    private final MethodHandle decode;
    private final MethodHandle free;

    G722() {
      SymbolLookup library = SymbolLookup.libraryLookup("libspandsp.so.2", arena);
      Linker linker = Linker.nativeLinker();
      init = linker.downcallHandle(library.findOrThrow("g722_decode_init"),
          FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      decode = linker.downcallHandle(library.findOrThrow("g722_decode"), FunctionDescriptor.of(ValueLayout.JAVA_INT,
          ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
      free = linker.downcallHandle(library.findOrThrow("g722_decode_free"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    }

    /** @return little-endian 16-bit samples at 16 kHz */
    byte[] decode(byte[] bytes) throws Throwable {
      MemorySegment state = (MemorySegment) init.invokeExact(MemorySegment.NULL, BIT_RATE, 0);
      try (Arena call = Arena.ofConfined()) {
        MemorySegment pcm = call.allocate(2L * SAMPLES_PER_BYTE * bytes.length, 2);
        MemorySegment in = call.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
        int samples = (int) decode.invokeExact(state, pcm, in, bytes.length);
        return pcm.asSlice(0, 2L * samples).toArray(ValueLayout.JAVA_BYTE);
      } finally {
        int ignored = (int) free.invokeExact(state);
      }
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}
