package dev.flowtraining.trainer.synthesize;

import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.page.Canvas;
import dev.flowtraining.trainer.page.Canvas.Anchor;
import dev.flowtraining.trainer.page.PngCanvas;
import dev.flowtraining.trainer.page.SvgCanvas;
import dev.flowtraining.trainer.page.Ticks;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.util.Arrays;

/** Draws mel spectrograms with axes: the real one above the predicted one, both on the scale of the real one. */
public final class MelPicture {
  private static final int WIDTH = 720; // of a file
  private static final int NARROW = 440; // within a page, where two stand side by side, or one on a phone
  private static final int LEFT = 34;
  private static final int RIGHT = 8;
  private static final int HEIGHT = 130; // of a spectrogram
  private static final int TITLE = 20;
  private static final int BOTTOM = 32;
  private static final int[] HERTZ = {500, 1000, 2000, 4000, 8000};
  /** Anchors from dark to bright with even steps of lightness, as in perceptually uniform maps. */
  private static final int[] COLOURS = {0x0B0724, 0x3B0F6F, 0x8C2981, 0xDE4968, 0xFE9F6D, 0xFCFDBF};
  private static final IndexColorModel PALETTE = palette();

  private final Speech speech;
  private final int width;
  private final float low;
  private final float high;

  private MelPicture(Speech speech, int width) {
    this.speech = speech;
    this.width = width;
    float[] sorted = speech.real_FC().clone();
    Arrays.sort(sorted);
    low = sorted[sorted.length / 100]; // a percentile: silence has a floor far below speech
    high = sorted[sorted.length - 1];
  }

  public static byte[] png(Speech speech) {
    PngCanvas canvas = new PngCanvas(WIDTH, height());
    new MelPicture(speech, WIDTH).draw(canvas);
    return canvas.finish();
  }

  public static String svg(Speech speech) {
    SvgCanvas canvas = new SvgCanvas(NARROW, height(), "mel spectrograms of " + speech.utt() + ", real and predicted");
    new MelPicture(speech, NARROW).draw(canvas);
    return canvas.finish();
  }

  /** The predicted mel alone, a pixel for each frame and bin, on the scale of the real one. */
  public static BufferedImage cells(Speech speech) {
    return new MelPicture(speech, WIDTH).cells(speech.predicted_FC());
  }

  static int width() {
    return 2 * WIDTH; // a PNG canvas is drawn for dense screens
  }

  private static int height() {
    return 2 * (TITLE + HEIGHT) + BOTTOM;
  }

  private void draw(Canvas c) {
    panel(c, TITLE, "real", speech.real_FC());
    panel(c, 2 * TITLE + HEIGHT, "predicted", speech.predicted_FC());
    double y = 2 * (TITLE + HEIGHT);
    for (double second : Ticks.between(0, speech.seconds())) {
      double x = LEFT + (width - LEFT - RIGHT) * second / speech.seconds();
      c.line(x, y, x, y + 4, Canvas.Ink.TEXT);
      c.text(Math.clamp(x, LEFT + 4, width - RIGHT - 8), y + 15, Anchor.MIDDLE, Ticks.label(second));
    }
    c.text(LEFT + (width - LEFT - RIGHT) / 2.0, y + 28, Anchor.MIDDLE, "seconds");
  }

  private void panel(Canvas c, double top, String name, float[] mel_FC) {
    c.text(LEFT, top - 6, Anchor.START, name);
    c.text(LEFT - 8, top - 6, Anchor.END, "kHz");
    c.picture(LEFT, top, width - LEFT - RIGHT, HEIGHT, cells(mel_FC));
    for (int hertz : HERTZ) {
      // the middle of bin 0 is half a cell above the lower edge
      double y = top + HEIGHT - HEIGHT * Math.min(1, (Mel.binAt(hertz) + 0.5) / Mel.BINS);
      c.line(LEFT - 4, y, LEFT, y, Canvas.Ink.TEXT);
      c.text(LEFT - 8, y + (hertz == Mel.HIGHEST ? 8 : 4), Anchor.END, Ticks.label(hertz / 1000.0));
    }
  }

  private BufferedImage cells(float[] mel_FC) {
    int frames = mel_FC.length / Mel.BINS;
    BufferedImage image = new BufferedImage(frames, Mel.BINS, BufferedImage.TYPE_BYTE_INDEXED, PALETTE);
    for (int f = 0; f < frames; f++) {
      for (int bin = 0; bin < Mel.BINS; bin++) {
        float value = (mel_FC[f * Mel.BINS + bin] - low) / (high - low);
        int index = Math.round(255 * Math.clamp(Float.isNaN(value) ? 0 : value, 0f, 1f));
        image.getRaster().setSample(f, Mel.BINS - 1 - bin, 0, index);
      }
    }
    return image;
  }

  private static IndexColorModel palette() {
    int[] colours = new int[256];
    for (int i = 0; i < 256; i++) {
      colours[i] = colour(i / 255f);
    }
    return new IndexColorModel(8, 256, colours, 0, false, -1, java.awt.image.DataBuffer.TYPE_BYTE);
  }

  /** @param value 0 dark … 1 bright */
  static int colour(float value) {
    float at = value * (COLOURS.length - 1);
    int i = Math.min((int) at, COLOURS.length - 2);
    int colour = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      int a = COLOURS[i] >> shift & 0xFF;
      int b = COLOURS[i + 1] >> shift & 0xFF;
      colour |= Math.round(a + (at - i) * (b - a)) << shift;
    }
    return colour;
  }
}
