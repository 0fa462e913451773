package dev.flowtraining.trainer.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The trained stretch of the flat buffers in pieces, in the order in which a backward pass completes their gradients:
 * from the end to the start, as parameters lie in the order of their use. Equal on all ranks, whatever way their passes
 * take.
 */
public record Pieces(List<Piece> all) {
  /** Blocks of the DiT that a piece has: some 28 million parameters of production's, 0.3 ms between H100s. */
  private static final int BLOCKS = 4;

  /**
   * @param seam of the network at which it is final; none for what is final at the end of the pass
   * @param start first element
   */
  public record Piece(String seam, long start, long length) {}

  /** All at once. */
  public static Pieces whole(Parameters parameters) {
    return new Pieces(List.of(new Piece("", 0, parameters.trained())));
  }

  /** As seams of the network allow. */
  public static Pieces of(Parameters parameters) {
    List<Map.Entry<String, String>> seams = new ArrayList<>(); // and what of the parameters comes first after each
    for (int block = BLOCKS * ((DiT.depth(parameters) - 1) / BLOCKS); block > 0; block -= BLOCKS) {
      seams.add(Map.entry(DiTBlock.seam(block), DiTBlock.parameters(block)));
    }
    seams.add(Map.entry(DiT.SEAM, DiT.PARAMETERS));
    seams.add(Map.entry(TokenEncoder.UP_SEAM, TokenEncoder.UP_PARAMETERS));
    List<Piece> pieces = new ArrayList<>();
    long end = parameters.trained();
    for (Map.Entry<String, String> seam : seams) {
      long start = parameters.trainedFrom(seam.getValue());
      if (start < end) {
        pieces.add(new Piece(seam.getKey(), start, end - start));
        end = start;
      }
    }
    if (end > 0) {
      pieces.add(new Piece("", 0, end));
    }
    return new Pieces(List.copyOf(pieces));
  }

  public int count() {
    return all.size();
  }
}
