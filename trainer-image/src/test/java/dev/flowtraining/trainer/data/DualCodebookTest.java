package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class DualCodebookTest {
  @Test
  void interleavesWholeGroups() {
    assertThat(DualCodebook.interleave(new int[] {1, 2, 3, 4, 5}, new int[] {10, 11, 12, 13, 14, 4095, 16}))
        .containsExactly(1, 2, 1034, 1035, 1036, 3, 4, 1037, 1038, 5119);
    assertThat(DualCodebook.interleave(new int[] {1}, new int[] {1, 2, 3})).isEmpty();
    assertThatThrownBy(() -> DualCodebook.interleave(new int[] {1, 1024}, new int[] {1, 2, 3}))
        .hasMessageContaining("vq02 code 1024");
  }

  @Test
  void timeAlignedRows() throws Unusable {
    assertThat(DualCodebook.timeAligned(new long[] {1, 2, 1034, 1035, 5119, 9, 9}, 1))
        .containsExactly(1, 1035, 2, 1036, 1024, 5120);
  }

  @Test
  void refusesAWrongOrder() {
    long[] threeFirst = {1034, 1035, 1036, 1, 2};
    assertThatThrownBy(() -> DualCodebook.validate(threeFirst)).isInstanceOf(Unusable.class)
        .hasMessageContaining("token 0 is 1034").hasMessageContaining("vq02 vq02 vq06 vq06 vq06");
    assertThatThrownBy(() -> DualCodebook.validate(new long[] {1, 2, 5120})).hasMessageContaining("token 2 is 5120");
    assertThatThrownBy(() -> DualCodebook.validate(new long[] {-1})).isInstanceOf(Unusable.class);
  }
}
