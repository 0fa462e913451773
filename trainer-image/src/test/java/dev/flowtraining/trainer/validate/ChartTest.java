package dev.flowtraining.trainer.validate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.util.Arrays;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class ChartTest {

  @Test
  void everyUtteranceIsInABarAndBarsAreDrawn() throws Exception {
    Series series = new Series();
    for (int i = 0; i < 1000; i++) {
      series.add(i % 10 == 0 ? 30 : 2 + i * 0.001);
    }
    Chart chart = Chart.histogram("seconds", Map.of("train", series));
    double[] bars = chart.bars().get("train");
    assertThat(Arrays.stream(bars).sum()).isCloseTo(100, offset(1e-6));
    assertThat(bars[bars.length - 1]).isCloseTo(10, offset(1e-6));
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(chart.png()));
    int right = image.getWidth() - 40; // inside the last bar, which is a third as high as the first ones
    assertThat(image.getRGB(right, image.getHeight() - 60) & 0xFFFFFF).isEqualTo(0x6F9BD1);
    assertThat(image.getRGB(right, image.getHeight() / 2) & 0xFFFFFF).isNotEqualTo(0x6F9BD1);
  }

  @Test
  void oneValueOrNoneIsAPicture() throws Exception {
    Series one = new Series();
    one.add(3);
    assertThat(Chart.histogram("one", Map.of("train", one, "dev", new Series())).svg()).contains("<rect").doesNotContain("NaN");
    assertThat(Chart.histogram("none", Map.of("train", new Series())).svg()).doesNotContain("NaN");
    assertThat(Chart.histogram("none", Map.of("train", new Series())).png()).isNotEmpty();
  }
}
