package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class CursorTest {

  @Test
  void steps_validations_and_epochs_are_counted() {
    Cursor cursor = Cursor.START.afterStep().afterStep();
    assertThat(cursor).isEqualTo(new Cursor(0, 2, 2, null, 0, 0));
    cursor = cursor.afterValidation(3.0).afterEpoch();
    assertThat(cursor).isEqualTo(new Cursor(1, 0, 2, 3.0, 0, 2));
    cursor = cursor.afterStep().afterValidation(3.0).afterStep().afterValidation(3.1);
    assertThat(cursor).isEqualTo(new Cursor(1, 2, 4, 3.0, 2, 4));
    assertThat(cursor.atEpochStart()).isEqualTo(new Cursor(1, 0, 4, 3.0, 2, 4));
    assertThat(cursor.afterValidation(2.9)).isEqualTo(new Cursor(1, 2, 4, 2.9, 0, 4));
  }

  @Test
  void a_cursor_of_an_older_checkpoint_is_read() throws Exception {
    String json = "{\"epoch\": 1, \"stepInEpoch\": 2, \"step\": 9, \"bestCvLoss\": 0.5, \"epochsSinceBest\": 3}";
    assertThat(new ObjectMapper().readValue(json, Cursor.class)).isEqualTo(new Cursor(1, 2, 9, 0.5, 3, 0));
  }
}
