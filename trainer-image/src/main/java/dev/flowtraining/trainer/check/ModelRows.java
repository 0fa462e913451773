package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.models.TokenizerFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Models that stages read, each in its own row. */
final class ModelRows {
  private static final String BUILTIN = "builtin";

  private ModelRows() {}

  static List<Row> of(StageOptions options, RunLayout layout) {
    ModelTrial trial = new ModelTrial(null, options.device());
    List<Row> rows = new ArrayList<>();
    Row speaker = there("speaker encoder", options.speakerEncoder(), "campplus.onnx", "spec.models.speakerEncoder");
    rows.add(isFile(speaker, options.speakerEncoder())
        ? trial.speakerEncoder(speaker.what(), Path.of(options.speakerEncoder())) : speaker);
    Row tokenizer =
        there("tokenizer", options.tokenizer(), "the folder of Step-Audio-Tokenizer", "spec.models.tokenizer");
    rows.addAll(isFile(tokenizer, options.tokenizer())
        ? tokenizer(Path.of(options.tokenizer()), trial) : List.of(tokenizer));
    Row init = there("init", options.init(), "a flow.pt", "spec.models.init");
    rows.add(isFile(init, options.init()) ? trial.checkpoint(init.what(), Path.of(options.init())) : init);
    Row vocoder = there("vocoder", options.vocoder(), "a hift.pt", "spec.models.vocoder");
    rows.add(isFile(vocoder, options.vocoder()) ? trial.vocoder(vocoder.what(), Path.of(options.vocoder())) : vocoder);
    if (options.resumeFrom() != null) {
      rows.add(trial.checkpoint("checkpoint", layout.root().resolve(options.resumeFrom())));
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

  private static boolean isFile(Row there, String model) {
    return there.state() == Row.State.OK && !model.equals(BUILTIN);
  }

  private static List<Row> tokenizer(Path folder, ModelTrial trial) {
    TokenizerFolder files;
    try {
      files = TokenizerFolder.of(folder);
    } catch (StageFailure e) {
      return List.of(Row.failed("tokenizer", "", e));
    }
    return List.of(trial.vq02("tokenizer vq02", files), trial.vq06("tokenizer vq06", files.vq06()));
  }
}
