package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CursorTest {

  @Test
  void counts_steps_epochs_and_how_long_nothing_got_better() {
    Cursor cursor = Cursor.START.afterStep().afterStep();
    assertThat(cursor).isEqualTo(new Cursor(0, 2, 2, null, 0));
    cursor = cursor.afterEpoch(3.0);
    assertThat(cursor).isEqualTo(new Cursor(1, 0, 2, 3.0, 0));
    cursor = cursor.afterEpoch(3.5).afterEpoch(3.0);
    assertThat(cursor).isEqualTo(new Cursor(3, 0, 2, 3.0, 2));
    assertThat(cursor.afterEpoch(2.9)).isEqualTo(new Cursor(4, 0, 2, 2.9, 0));
  }
}
