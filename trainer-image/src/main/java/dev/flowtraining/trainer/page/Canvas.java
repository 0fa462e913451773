package dev.flowtraining.trainer.page;

import java.awt.image.BufferedImage;
import java.util.List;

/** What charts are drawn on, as SVG within a page or as a PNG of its own. The origin is at the top left. */
public interface Canvas {

  enum Ink {
    GRID(0xE3E7EC),
    TEXT(0x5B6775),
    BLUE(0x6F9BD1),
    RED(0xC2410C);

    final int rgb;

    Ink(int rgb) {
      this.rgb = rgb;
    }
  }

  enum Anchor { START, MIDDLE, END }

  record Point(double x, double y) {}

  void box(double x, double y, double width, double height, Ink ink);

  void line(List<Point> points, Ink ink, double width);

  void dot(Point centre, double radius, Ink ink);

  /** @param y of the line that the letters stand on */
  void text(double x, double y, Anchor anchor, String text);

  /** Stretched to a rectangle, every pixel of the picture a sharp cell. */
  void picture(double x, double y, double width, double height, BufferedImage picture);

  default void line(double x1, double y1, double x2, double y2, Ink ink) {
    line(List.of(new Point(x1, y1), new Point(x2, y2)), ink, 1);
  }
}
