package dev.flowtraining.trainer.page;

import java.awt.image.BufferedImage;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A drawing that scales with the page. */
public final class SvgCanvas implements Canvas {
  private final StringBuilder svg = new StringBuilder();

  /** @param label what the drawing shows, for those who cannot see it */
  public SvgCanvas(int width, int height, String label) {
    svg.append("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n"
        .formatted(width, height, Page.escape(label)));
  }

  @Override
  public void box(double x, double y, double width, double height, Ink ink) {
    svg.append("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n"
        .formatted(x, y, width, height, colour(ink)));
  }

  @Override
  public void line(List<Point> points, Ink ink, double width) {
    svg.append("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" points=\"%s\"/>\n".formatted(colour(ink), width,
        points.stream().map(p -> "%.1f,%.1f".formatted(p.x(), p.y())).collect(Collectors.joining(" "))));
  }

  @Override
  public void dot(Point centre, double radius, Ink ink) {
    svg.append("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" fill-opacity=\".6\"/>\n"
        .formatted(centre.x(), centre.y(), radius, colour(ink)));
  }

  @Override
  public void text(double x, double y, Anchor anchor, String text) {
    svg.append("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n"
        .formatted(x, y, anchor.name().toLowerCase(Locale.ROOT), Page.escape(text)));
  }

  @Override
  public void picture(double x, double y, double width, double height, BufferedImage picture) {
    svg.append("<image x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" preserveAspectRatio=\"none\" "
        .formatted(x, y, width, height)).append("style=\"image-rendering:pixelated\" href=\"data:image/png;base64,")
        .append(Base64.getEncoder().encodeToString(Png.of(picture))).append("\"/>\n");
  }

  public String finish() {
    return svg + "</svg>";
  }

  private static String colour(Ink ink) {
    return "#%06x".formatted(ink.rgb);
  }
}
