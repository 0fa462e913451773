package dev.flowtraining.trainer.page;

import java.util.ArrayList;
import java.util.List;

/** Round numbers along an axis. */
public final class Ticks {
  private Ticks() {}

  /** Four to eight of them. */
  public static List<Double> between(double low, double high) {
    double step = step(high - low, 5);
    List<Double> ticks = new ArrayList<>();
    for (double t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-6; t += step) {
      ticks.add(t);
    }
    return ticks;
  }

  /** A round width (1, 2 or 5 times a power of ten) of which about {@code parts} fill the range. */
  public static double step(double range, int parts) {
    double raw = Math.max(range, 1e-9) / parts;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    return (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10) * power;
  }

  /** With at most three digits when it is no integer. */
  public static String label(double v) {
    double near = Math.rint(v);
    return Math.abs(v - near) < 1e-9 * Math.max(1, Math.abs(v)) ? Long.toString((long) near)
        : "%.3g".formatted(v).replaceFirst("\\.?0+$", "");
  }
}
