package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.prepare.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** What a user brings, as stage 0 reads it: a Kaldi folder or a folder of audio. */
final class Recordings {
  private Recordings() {}

  static Iterator<Item> open(String split, Path folder, String pathPrefix, Findings findings) throws IOException {
    List<StageFailure> problems = new ArrayList<>();
    Source source = Source.read("--" + split, folder, pathPrefix, problems::add);
    for (StageFailure problem : problems) {
      Check check = problem.reason().equals("DuplicateUtterance") ? Check.DUPLICATE_UTTERANCE : Check.MALFORMED_LINE;
      String[] placeAndRest = problem.getMessage().split(" ", 2);
      findings.add(new Finding(check, split, placeAndRest[0], placeAndRest[1]));
    }
    for (Reject reject : source.rejects()) {
      findings.add(new Finding(Check.of(reject.reason()), split, reject.utt(), reject.detail()));
    }
    return source.utterances().stream().map(Recordings::item).iterator();
  }

  private static Item item(Utterance u) {
    return new Item(u.utt(), u.spk(), u.text(), u.wav().getFileName().toString(), u.wav().toString(), () -> read(u.wav()), null, null);
  }

  private static byte[] read(Path wav) throws Unusable {
    try {
      return Files.readAllBytes(wav);
    } catch (NoSuchFileException e) {
      throw new Unusable(RejectReason.MISSING_WAV, "there is no such file");
    } catch (IOException e) {
      throw new Unusable(RejectReason.UNREADABLE_WAV, e.toString());
    } catch (OutOfMemoryError e) { // readAllBytes throws it for a file above 2 GiB, whatever the heap
      throw new Unusable(RejectReason.TOO_LONG, "more than fits in memory");
    }
  }
}
