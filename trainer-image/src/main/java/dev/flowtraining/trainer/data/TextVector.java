package dev.flowtraining.trainer.data;

import com.fasterxml.jackson.core.io.NumberInput;
import java.util.StringTokenizer;

/** Kaldi's text form of a vector: {@code [ 0.1 0.2 … ]}. */
public final class TextVector {
  private TextVector() {}

  public static String write(float[] vector) {
    StringBuilder text = new StringBuilder(vector.length * 12).append('[');
    for (float v : vector) {
      text.append(' ').append(v);
    }
    return text.append(" ]").toString();
  }

  /** @throws IllegalArgumentException when the text is no vector */
  public static double[] read(String text) {
    String whole = text.strip();
    if (whole.length() < 2 || !whole.startsWith("[") || !whole.endsWith("]")) {
      throw new IllegalArgumentException("not a Kaldi vector: " + text.substring(0, Math.min(40, text.length())));
    }
    StringTokenizer parts = new StringTokenizer(whole.substring(1, whole.length() - 1));
    double[] vector = new double[parts.countTokens()];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = NumberInput.parseFloat(parts.nextToken(), true); // at half of Float.parseFloat's time
    }
    return vector;
  }
}
