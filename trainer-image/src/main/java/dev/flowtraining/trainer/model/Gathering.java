package dev.flowtraining.trainer.model;

import java.util.function.IntConsumer;

/** Of one backward pass: adds up its gradients piece by piece, as they become final. */
final class Gathering {
  private final Parameters parameters;
  private final Pieces pieces;
  private final IntConsumer whenFinal;
  private int done;

  /** @param whenFinal is given how many pieces are */
  Gathering(Parameters parameters, Pieces pieces, IntConsumer whenFinal) {
    this.parameters = parameters;
    this.pieces = pieces;
    this.whenFinal = whenFinal;
  }

  /** The pass has come back to a seam. */
  void backAt(String seam) {
    if (done < pieces.count() && pieces.all().get(done).seam().equals(seam)) {
      gather();
      whenFinal.accept(done);
    }
  }

  /** The pass has ended. */
  void finish() {
    while (done < pieces.count()) {
      gather();
    }
    whenFinal.accept(done);
  }

  private void gather() {
    Pieces.Piece piece = pieces.all().get(done++);
    parameters.gather(piece.start(), piece.length());
  }
}
