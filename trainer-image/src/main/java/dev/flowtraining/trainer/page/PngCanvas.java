package dev.flowtraining.trainer.page;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.List;

/** A picture of twice the size, sharp on dense screens. The same bytes everywhere: its letters are {@link Strokes}. */
public final class PngCanvas implements Canvas {
  private static final int SCALE = 2;
  private static final double LETTER = 1.35; // size of a unit of the letters' grid

  private final BufferedImage image;
  private final Graphics2D g;

  public PngCanvas(int width, int height) {
    image = new BufferedImage(width * SCALE, height * SCALE, BufferedImage.TYPE_INT_RGB);
    g = image.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    g.scale(SCALE, SCALE);
    g.setColor(Color.WHITE);
    g.fillRect(0, 0, width, height);
  }

  @Override
  public void box(double x, double y, double width, double height, Ink ink) {
    g.setColor(new Color(ink.rgb));
    g.fill(new Rectangle2D.Double(x, y, width, height));
  }

  @Override
  public void line(List<Point> points, Ink ink, double width) {
    g.setColor(new Color(ink.rgb));
    g.setStroke(new BasicStroke((float) width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    Path2D path = new Path2D.Double();
    path.moveTo(points.getFirst().x(), points.getFirst().y());
    points.forEach(p -> path.lineTo(p.x(), p.y()));
    g.draw(path);
  }

  @Override
  public void dot(Point centre, double radius, Ink ink) {
    g.setColor(new Color(ink.rgb >> 16 & 0xFF, ink.rgb >> 8 & 0xFF, ink.rgb & 0xFF, 0x99));
    g.fill(new Ellipse2D.Double(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius));
  }

  @Override
  public void text(double x, double y, Anchor anchor, String text) {
    double width = Strokes.width(text) * LETTER;
    double from = switch (anchor) {
      case START -> x;
      case MIDDLE -> x - width / 2;
      case END -> x - width;
    };
    Strokes.of(text).forEach(stroke -> line(
        stroke.stream().map(p -> new Point(from + p.x() * LETTER, y + p.y() * LETTER)).toList(), Ink.TEXT, 1.1));
  }

  @Override
  public void picture(double x, double y, double width, double height, BufferedImage picture) {
    g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
    AffineTransform place = AffineTransform.getTranslateInstance(x, y);
    place.scale(width / picture.getWidth(), height / picture.getHeight());
    g.drawImage(picture, place, null);
  }

  public byte[] finish() {
    g.dispose();
    return Png.of(image);
  }
}
