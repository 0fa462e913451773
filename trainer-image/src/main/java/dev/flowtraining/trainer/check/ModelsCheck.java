package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.models.Npy;
import dev.flowtraining.trainer.models.TokenizerFolder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@code flow-trainer models check DIR}: which released files a folder has, what they are, and whether they run. */
public final class ModelsCheck {
  private static final List<String> FLOW_FOLDERS =
      List.of("", "CosyVoice-300M-25Hz", "Step-Audio-EditX/CosyVoice-300M-25Hz");

  private final Path folder;
  private final ModelTrial trial;

  /** @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto} */
  public ModelsCheck(Path folder, String device) {
    this.folder = folder.toAbsolutePath().normalize();
    trial = new ModelTrial(this.folder, device);
  }

  /** @throws StageFailure 66 that names what is missing or does not run */
  public void run(PrintStream out) {
    Check.report(rows(), out);
  }

  List<Row> rows() {
    if (!Files.isDirectory(folder)) {
      return List.of(Row.missing("models", folder + " is no folder", "give the folder that has the released models",
          "ModelNotFound"));
    }
    List<Row> rows = new ArrayList<>();
    Path campplus = find("campplus.onnx");
    rows.add(campplus == null ? missing("campplus.onnx", flowFolders(), "or take --speaker-encoder builtin")
        : trial.speakerEncoder("campplus.onnx", campplus));
    rows.addAll(tokenizer());
    Path flow = find("flow.pt");
    rows.add(flow == null ? Row.warn("flow.pt", "not there", "needed only to start training from it (--init)")
        : trial.checkpoint("flow.pt", flow));
    Path hift = find("hift.pt");
    rows.add(hift == null
        ? Row.warn("hift.pt", "not there", "needed only for audio by the released vocoder (--vocoder)") : trial.vocoder("hift.pt", hift));
    return rows;
  }

  private List<Row> tokenizer() {
    Path below = folder.resolve(TokenizerFolder.NAME);
    TokenizerFolder.Found found = TokenizerFolder.find(Files.isDirectory(below) ? below : folder);
    List<Row> rows = new ArrayList<>();
    for (String name : found.missing()) {
      rows.add(missing(name, found.searched(), "or take --tokenizer builtin"));
    }
    TokenizerFolder files = found.files();
    if (found.missing().isEmpty()) {
      rows.add(trial.vq02((files.weights() == null ? files.chunkEncoder() : files.weights()).getFileName().toString(),
          files));
    }
    if (files.vq06() != null) {
      rows.add(trial.vq06(files.vq06().getFileName().toString(), files.vq06()));
    }
    List<String> shown = rows.stream().map(Row::what).toList();
    for (Path file : files.files()) {
      if (!shown.contains(file.getFileName().toString())) {
        rows.add(there(file));
      }
    }
    return rows;
  }

  private Row there(Path file) {
    try {
      boolean array = file.toString().endsWith(".npy");
      return Row.ok(file.getFileName().toString(),
          trial.file(file) + (array ? ": " + Arrays.toString(Npy.read(file).shape()) : ""));
    } catch (IOException e) {
      return Row.missing(file.getFileName().toString(), "cannot be read: " + e.getMessage(), "fetch it again",
          "ModelUnreadable");
    }
  }

  private Path find(String name) {
    return flowFolders().stream().map(f -> f.resolve(name)).filter(Files::isRegularFile).findFirst().orElse(null);
  }

  private List<Path> flowFolders() {
    return FLOW_FOLDERS.stream().map(folder::resolve).toList();
  }

  private static Row missing(String name, List<Path> searched, String otherwise) {
    return Row.missing(name, "not in " + String.join(", ", searched.stream().map(Path::toString).toList()),
        "put it there, " + otherwise, "ModelNotFound");
  }
}
