package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.page.Canvas;
import dev.flowtraining.trainer.page.Canvas.Anchor;
import dev.flowtraining.trainer.page.Canvas.Ink;
import dev.flowtraining.trainer.page.Canvas.Point;
import dev.flowtraining.trainer.page.PngCanvas;
import dev.flowtraining.trainer.page.SvgCanvas;
import dev.flowtraining.trainer.page.Ticks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A picture with two axes: training bars in blue with the validation outline in red over them, or dots.
 *
 * @param low left end of the horizontal axis, high its right end
 * @param bars height of each bar in percent, by split
 * @param levels horizontal lines that the dots should lie on
 */
record Chart(String title, double low, double high, Map<String, double[]> bars, List<Dot> dots, List<Double> levels) {
  private static final int WIDTH = 720;
  private static final int HEIGHT = 260;
  private static final int LEFT = 44;
  private static final int RIGHT = 12;
  private static final int TOP = 30;
  private static final int BOTTOM = 26;
  private static final int BINS = 45;
  /** What lies beyond this part of all utterances is counted in the bars at the ends. */
  private static final double TAIL = 0.002;

  record Dot(double x, double y, Ink ink) {}

  static Chart bars(String title, double low, double high, Map<String, double[]> bars) {
    return new Chart(title, low, high, bars, List.of(), List.of());
  }

  static Chart scatter(String title, List<Dot> dots, List<Double> levels) {
    double high = dots.stream().mapToDouble(Dot::x).max().orElse(1);
    return new Chart(title, 0, high, Map.of(), dots, levels);
  }

  /** Percent of each split's utterances. */
  static Chart histogram(String title, Map<String, Series> splits) {
    double low = splits.values().stream().filter(s -> s.size() > 0).mapToDouble(s -> s.quantile(TAIL)).min().orElse(0);
    double high = splits.values().stream().filter(s -> s.size() > 0).mapToDouble(s -> s.quantile(1 - TAIL)).max().orElse(1);
    double step = Ticks.step(Math.max(high - low, 1e-3), BINS);
    double from = Math.floor(low / step) * step;
    int bins = Math.max(1, (int) Math.floor((high - from) / step) + 1);
    Map<String, double[]> bars = new LinkedHashMap<>();
    splits.forEach((name, series) -> {
      double[] shares = new double[bins];
      for (int i = 0; i < series.size(); i++) {
        shares[Math.clamp((long) Math.floor((series.get(i) - from) / step), 0, bins - 1)] += 100.0 / series.size();
      }
      bars.put(name, shares);
    });
    return bars(title, from, from + bins * step, bars);
  }

  String svg() {
    SvgCanvas canvas = new SvgCanvas(WIDTH, HEIGHT, title);
    draw(canvas);
    return canvas.finish();
  }

  byte[] png() throws IOException {
    PngCanvas canvas = new PngCanvas(WIDTH, HEIGHT);
    draw(canvas);
    return canvas.finish();
  }

  private void draw(Canvas c) {
    double top = top();
    c.text(LEFT, 16, Anchor.START, title);
    legend(c);
    for (double tick : Ticks.between(0, top)) {
      c.line(LEFT, y(tick, top), WIDTH - RIGHT, y(tick, top), Ink.GRID);
      c.text(LEFT - 6, y(tick, top) + 4, Anchor.END, Ticks.label(tick) + (dots.isEmpty() ? "%" : ""));
    }
    for (double tick : Ticks.between(low, high)) {
      c.text(x(tick), HEIGHT - 8, Anchor.MIDDLE, Ticks.label(tick));
    }
    bars.forEach((split, shares) -> {
      if (split.equals("train")) {
        fill(c, shares, top);
      } else {
        outline(c, shares, top);
      }
    });
    levels.forEach(level -> c.line(LEFT, y(level, top), WIDTH - RIGHT, y(level, top), Ink.TEXT));
    dots.forEach(d -> c.dot(new Point(x(d.x()), y(d.y(), top)), 2, d.ink()));
  }

  private double top() {
    double highest = Math.max(bars.values().stream().flatMapToDouble(java.util.Arrays::stream).max().orElse(0),
        dots.stream().mapToDouble(Dot::y).max().orElse(0));
    return Math.max(1.08 * Math.max(highest, levels.stream().mapToDouble(l -> l).max().orElse(0)), 1e-6);
  }

  private void legend(Canvas c) {
    TreeSet<String> names = new TreeSet<>(bars.keySet());
    if (dots.stream().anyMatch(d -> d.ink() == Ink.BLUE)) {
      names.add("train");
    }
    if (dots.stream().anyMatch(d -> d.ink() == Ink.RED)) {
      names.add("dev");
    }
    double x = WIDTH - RIGHT - 36;
    for (String name : names.descendingSet().reversed()) {
      c.box(x - 12, 8, 8, 8, Charts.ink(name));
      c.text(x, 16, Anchor.START, name);
      x -= 56;
    }
  }

  private void fill(Canvas c, double[] shares, double top) {
    double width = (double) (WIDTH - LEFT - RIGHT) / shares.length;
    for (int i = 0; i < shares.length; i++) {
      if (shares[i] > 0) {
        c.box(LEFT + i * width + 0.5, y(shares[i], top), Math.max(width - 1, 1), HEIGHT - BOTTOM - y(shares[i], top), Ink.BLUE);
      }
    }
  }

  private void outline(Canvas c, double[] shares, double top) {
    double width = (double) (WIDTH - LEFT - RIGHT) / shares.length;
    List<Point> points = new ArrayList<>(List.of(new Point(LEFT, y(0, top))));
    for (int i = 0; i < shares.length; i++) {
      points.add(new Point(LEFT + i * width, y(shares[i], top)));
      points.add(new Point(LEFT + (i + 1) * width, y(shares[i], top)));
    }
    points.add(new Point(WIDTH - RIGHT, y(0, top)));
    c.line(points, Ink.RED, 1.5);
  }

  private double x(double value) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / Math.max(high - low, 1e-9);
  }

  private double y(double value, double top) {
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top;
  }
}
