package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Models that stages read, each in its own row. */
final class ModelRows {
  private static final String BUILTIN = "builtin";

  private ModelRows() {}

  static List<Row> of(StageOptions options, RunLayout layout) {
    List<Row> rows = new ArrayList<>();
    rows.add(there("speaker encoder", options.speakerEncoder(), "campplus.onnx", "spec.models.speakerEncoder"));
    rows.add(there("tokenizer", options.tokenizer(), "the folder of Step-Audio-Tokenizer", "spec.models.tokenizer"));
    Row init = there("init", options.init(), "a flow.pt", "spec.models.init");
    rows.add(init.state() == Row.State.OK && !options.init().equals(BUILTIN)
        ? checkpoint("init", Path.of(options.init())) : init);
    if (options.resumeFrom() != null) {
      rows.add(checkpoint("checkpoint", layout.root().resolve(options.resumeFrom())));
    }
    return rows;
  }

  private static Row there(String what, String model, String expected, String field) {
    if (model.equals(BUILTIN)) {
      return Row.ok(what, BUILTIN);
    }
    return Files.isReadable(Path.of(model)) ? Row.ok(what, model)
        : Row.missing(what, model + " is not there", "put " + expected + " on the models volume and name it in " + field
            + ", or use builtin", "ModelNotFound");
  }

  private static Row checkpoint(String what, Path file) {
    try {
      return Row.ok(what, file + ", " + StateDictFile.read(file).tensors().size() + " tensors");
    } catch (StageFailure e) {
      return Row.failed(what, "use another checkpoint", e);
    }
  }
}
