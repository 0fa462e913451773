package dev.flowtraining.trainer.data;

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
    String[] parts = text.strip().split("\\s+");
    if (parts.length < 2 || !parts[0].equals("[") || !parts[parts.length - 1].equals("]")) {
      throw new IllegalArgumentException("not a Kaldi vector: " + text.substring(0, Math.min(40, text.length())));
    }
    double[] vector = new double[parts.length - 2];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = Float.parseFloat(parts[i + 1]);
    }
    return vector;
  }
}
