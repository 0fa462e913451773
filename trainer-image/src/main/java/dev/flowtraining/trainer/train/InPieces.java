package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.model.Pieces;
import dev.flowtraining.trainer.torch.SideLine;
import java.util.function.Consumer;

/**
 * Exchanges gradients piece by piece beside the backward pass that completes them. Every rank exchanges all pieces, in
 * their order, whenever its own pass comes to them or if it has none.
 */
final class InPieces {
  private final Pieces pieces;
  private final SideLine side;
  private final Consumer<Pieces.Piece> exchange;
  private boolean begun;
  private int next;

  InPieces(Pieces pieces, SideLine side, Consumer<Pieces.Piece> exchange) {
    this.pieces = pieces;
    this.side = side;
    this.exchange = exchange;
  }

  Pieces pieces() {
    return pieces;
  }

  /** From now on pieces that are final may be exchanged. */
  void begin() {
    begun = true;
  }

  /** The first so many pieces are; without {@link #begin} more is to be added to them. */
  void areFinal(int count) {
    while (begun && next < count) {
      Pieces.Piece piece = pieces.all().get(next++);
      side.run(() -> exchange.accept(piece));
    }
  }

  /** All pieces are final; who comes later sees their sums. */
  void finish() {
    begin();
    areFinal(pieces.count());
    side.join();
    begun = false;
    next = 0;
  }
}
