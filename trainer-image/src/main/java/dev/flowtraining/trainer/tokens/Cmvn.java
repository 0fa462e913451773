package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.models.OnnxModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Kaldi's {@code am.mvn}: a feature becomes {@code (x + shift)·scale}. Of the network that the file writes down only
 * the vectors of AddShift and Rescale count.
 */
record Cmvn(float[] shift, float[] scale) {

  static Cmvn read(Path file) {
    try {
      String text = Files.readString(file);
      Cmvn cmvn = new Cmvn(vector(text, "<AddShift>"), vector(text, "<Rescale>"));
      if (cmvn.shift.length != cmvn.scale.length) {
        throw new IOException(cmvn.shift.length + " shifts and " + cmvn.scale.length + " scales");
      }
      return cmvn;
    } catch (IOException | NumberFormatException e) {
      throw OnnxModel.unreadable(file, e.toString(), e);
    }
  }

  private static float[] vector(String text, String component) throws IOException {
    Matcher m = Pattern.compile(component + "[^\\[]*\\[([^\\]]*)\\]").matcher(text);
    if (!m.find()) {
      throw new IOException("it has no vector for " + component);
    }
    String[] numbers = m.group(1).strip().split("\\s+");
    float[] vector = new float[numbers.length];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = Float.parseFloat(numbers[i]);
    }
    return vector;
  }

  int dimensions() {
    return shift.length;
  }

  /** In place. */
  void apply(float[] rows) {
    for (int i = 0; i < rows.length; i++) {
      int d = i % shift.length;
      rows[i] = (rows[i] + shift[d]) * scale[d];
    }
  }
}
