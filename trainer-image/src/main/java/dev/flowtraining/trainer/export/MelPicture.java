package dev.flowtraining.trainer.export;

import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.page.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.Arrays;

/** Draws mel spectrograms: time to the right, low bins at the bottom, the real one above the predicted one. */
final class MelPicture {
  private static final int FRAME_WIDTH = 3; // pixels
  private static final int BIN_HEIGHT = 2;
  private static final int GAP = 6;
  /** Anchors from dark to bright with even steps of lightness, as in perceptually uniform maps. */
  private static final int[] COLOURS = {0x0B0724, 0x3B0F6F, 0x8C2981, 0xDE4968, 0xFE9F6D, 0xFCFDBF};

  private MelPicture() {}

  /** PNG; both on the scale of the real one. */
  static byte[] png(SampleMel sample) throws IOException {
    float[] sorted = sample.real_FC().clone();
    Arrays.sort(sorted);
    float low = sorted[sorted.length / 100]; // a percentile: silence has a floor far below speech
    float high = sorted[sorted.length - 1];
    int frames = sample.real_FC().length / Mel.BINS;
    int height = Mel.BINS * BIN_HEIGHT;
    BufferedImage image =
        new BufferedImage(frames * FRAME_WIDTH, 2 * height + GAP, BufferedImage.TYPE_INT_RGB);
    for (int y = height; y < height + GAP; y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        image.setRGB(x, y, 0xFFFFFF);
      }
    }
    draw(image, 0, sample.real_FC(), low, high);
    draw(image, height + GAP, sample.predicted_FC(), low, high);
    return Png.of(image);
  }

  private static void draw(BufferedImage image, int top, float[] mel_FC, float low, float high) {
    for (int y = 0; y < Mel.BINS * BIN_HEIGHT; y++) {
      int bin = Mel.BINS - 1 - y / BIN_HEIGHT;
      for (int x = 0; x < image.getWidth(); x++) {
        image.setRGB(x, top + y, colour((mel_FC[x / FRAME_WIDTH * Mel.BINS + bin] - low) / (high - low)));
      }
    }
  }

  /** @param value 0 dark … 1 bright; beyond is cut off */
  static int colour(float value) {
    float at = Math.clamp(Float.isNaN(value) ? 0 : value, 0f, 1f) * (COLOURS.length - 1);
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
