package dev.flowtraining.trainer.validate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VoicesTest {

  @Test
  void resemblanceIsTheMeanCosineOfAllPairs() {
    Random random = new Random(3);
    Voices voices = new Voices();
    List<double[]> a = new ArrayList<>();
    List<double[]> b = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      double[] v = random.doubles(192, -1, 2).toArray();
      (i % 3 == 0 ? a : b).add(v);
      voices.add(new Facts("u" + i, i % 3 == 0 ? "a" : "b", 5, null, null, 0, v, null, List.of()));
    }
    assertThat(voices.byMinutes()).hasSize(2);
    voices.byMinutes().forEach(e -> assertThat(e.getValue().resemblance())
        .isCloseTo(meanCosine(e.getKey().equals("a") ? a : b, null), offset(1e-5)));
    assertThat(voices.acrossSpeakers()).isCloseTo(meanCosine(a, b), offset(1e-5));
  }

  private static double meanCosine(List<double[]> some, List<double[]> others) {
    double sum = 0;
    int n = 0;
    for (int i = 0; i < some.size(); i++) {
      for (int j = 0; j < (others == null ? i : others.size()); j++) {
        sum += cosine(some.get(i), (others == null ? some : others).get(j));
        n++;
      }
    }
    return sum / n;
  }

  private static double cosine(double[] x, double[] y) {
    double dot = 0;
    for (int i = 0; i < x.length; i++) {
      dot += x[i] * y[i];
    }
    return dot / Math.sqrt(Arrays.stream(x).map(v -> v * v).sum() * Arrays.stream(y).map(v -> v * v).sum());
  }
}
