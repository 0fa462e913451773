package dev.flowtraining.trainer.page;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import javax.imageio.ImageIO;

/** A picture as the bytes of a PNG file. */
public final class Png {
  private Png() {}

  public static byte[] of(BufferedImage image) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.setUseCache(false); // no temporary files: the root may be read-only
    if (!ImageIO.write(image, "png", out)) {
      throw new IOException("this Java runtime has no PNG writer (module java.desktop)");
    }
    return out.toByteArray();
  }
}
