package dev.flowtraining.trainer.page;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;

/** A picture as the bytes of a PNG file. */
public final class Png {
  private Png() {}

  public static byte[] of(BufferedImage image) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.setUseCache(false); // no temporary files: the root may be read-only
    try {
      if (!ImageIO.write(image, "png", out)) {
        throw new IllegalStateException("this Java runtime has no PNG writer (module java.desktop)");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot encode a picture", e); // it goes to memory
    }
    return out.toByteArray();
  }
}
