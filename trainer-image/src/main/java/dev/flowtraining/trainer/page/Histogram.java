package dev.flowtraining.trainer.page;

import dev.flowtraining.trainer.page.Canvas.Anchor;
import dev.flowtraining.trainer.page.Canvas.Ink;
import java.util.Arrays;

/** How often values occur, in bars of a round width. */
public record Histogram(String title, String unit, double[] values) {
  private static final int WIDTH = 440;
  private static final int HEIGHT = 190;
  private static final int LEFT = 46;
  private static final int RIGHT = 10;
  private static final int TOP = 28;
  private static final int BOTTOM = 38;
  private static final int BARS = 30;

  public String svg() {
    SvgCanvas c = new SvgCanvas(WIDTH, HEIGHT, title);
    double highest = Arrays.stream(values).max().orElse(1);
    double step = Ticks.step(highest, BARS);
    int[] counts = new int[(int) (highest / step) + 1];
    for (double v : values) {
      counts[(int) (v / step)]++;
    }
    double top = 1.06 * Arrays.stream(counts).max().orElse(1);
    double bar = (double) (WIDTH - LEFT - RIGHT) / counts.length;
    c.text(0, 14, Anchor.START, title);
    for (double tick : Ticks.between(0, top)) {
      double y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * tick / top;
      c.line(LEFT, y, WIDTH - RIGHT, y, Ink.GRID);
      c.text(LEFT - 6, y + 4, Anchor.END, Ticks.label(tick));
    }
    for (int i = 0; i < counts.length; i++) {
      double height = (HEIGHT - BOTTOM - TOP) * counts[i] / top;
      c.box(LEFT + i * bar + 0.5, HEIGHT - BOTTOM - height, Math.max(bar - 1, 1), height, Ink.BLUE);
    }
    for (double tick : Ticks.between(0, counts.length * step)) {
      c.text(LEFT + bar * tick / step, HEIGHT - BOTTOM + 16, Anchor.MIDDLE, Ticks.label(tick));
    }
    c.text(LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 6, Anchor.MIDDLE, unit);
    return c.finish();
  }
}
