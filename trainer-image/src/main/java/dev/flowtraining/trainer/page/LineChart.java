package dev.flowtraining.trainer.page;

import dev.flowtraining.trainer.page.Canvas.Anchor;
import dev.flowtraining.trainer.page.Canvas.Ink;
import dev.flowtraining.trainer.page.Canvas.Point;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * Curves over the optimizer steps, each with its name at its end of the legend. Narrow, so that its letters can be read
 * on a phone; two of them stand side by side on a screen.
 *
 * @param fromZero whether the vertical axis begins at zero
 */
public record LineChart(String title, List<Line> lines, boolean fromZero) {
  private static final int WIDTH = 440;
  private static final int HEIGHT = 240;
  private static final int LEFT = 56;
  private static final int RIGHT = 10;
  private static final int TOP = 46;
  private static final int BOTTOM = 38;
  /** Up to so many points each is a dot. */
  private static final int MOST_DOTS = 40;

  /** @param thin for what is many and rough, such as the loss of single steps */
  public record Line(String name, SortedMap<Long, Double> points, Ink ink, boolean thin) {}

  public String svg() {
    List<Line> drawn = lines.stream().filter(l -> !l.points.isEmpty()).toList();
    SvgCanvas canvas = new SvgCanvas(WIDTH, HEIGHT, title + " by optimizer step");
    draw(canvas, drawn);
    return canvas.finish();
  }

  private void draw(Canvas c, List<Line> drawn) {
    List<Double> all = drawn.stream().flatMap(l -> l.points.values().stream()).sorted().toList();
    if (all.isEmpty()) {
      c.text(LEFT, TOP, Anchor.START, title + ": nothing was recorded");
      return;
    }
    // the first steps of a random start would squeeze all the rest into one line
    double high = all.get(Math.min(all.size() - 1, (int) (all.size() * 0.98)));
    double low = fromZero ? 0 : all.getFirst();
    double margin = Math.max(0.06 * (high - low), 1e-9 + 1e-3 * Math.abs(high));
    double top = high + margin;
    double bottom = fromZero ? 0 : Math.max(low - margin, low > 0 ? 0 : low - margin);
    long last = drawn.stream().mapToLong(l -> l.points.lastKey()).max().orElse(1);
    c.text(0, 14, Anchor.START, title);
    legend(c, drawn);
    for (double tick : Ticks.between(bottom, top)) {
      c.line(LEFT, y(tick, bottom, top), WIDTH - RIGHT, y(tick, bottom, top), Ink.GRID);
      c.text(LEFT - 6, y(tick, bottom, top) + 4, Anchor.END, Ticks.label(tick));
    }
    for (double tick : Ticks.between(0, last)) {
      if (tick < 0.88 * last) { // the last step has a label of its own
        c.text(x(tick, last), HEIGHT - BOTTOM + 16, Anchor.MIDDLE, Ticks.label(tick));
      }
    }
    c.text(WIDTH - RIGHT, HEIGHT - BOTTOM + 16, Anchor.END, Long.toString(last));
    c.text(LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 6, Anchor.MIDDLE, "optimizer step");
    for (Line line : drawn) {
      List<Point> points = new ArrayList<>();
      for (Map.Entry<Long, Double> p : line.points.entrySet()) {
        points.add(new Point(x(p.getKey(), last), y(Math.min(p.getValue(), top), bottom, top)));
      }
      if (points.size() > 1) {
        c.line(points, line.ink, line.thin ? 1.2 : 2);
      }
      if (points.size() == 1 || !line.thin && points.size() <= MOST_DOTS && line.ink != Ink.TEXT) {
        points.forEach(p -> c.dot(p, 2.6, line.ink));
      }
    }
  }

  private static void legend(Canvas c, List<Line> drawn) {
    double x = LEFT;
    for (Line line : drawn.size() > 1 ? drawn : List.<Line>of()) {
      c.line(List.of(new Point(x, 30), new Point(x + 14, 30)), line.ink, line.thin ? 1.2 : 2);
      c.text(x + 18, 34, Anchor.START, line.name);
      x += 32 + 6.2 * line.name.length();
    }
  }

  private static double x(double step, long last) {
    return LEFT + (WIDTH - LEFT - RIGHT) * step / Math.max(last, 1);
  }

  private static double y(double value, double bottom, double top) {
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - bottom) / (top - bottom);
  }
}
