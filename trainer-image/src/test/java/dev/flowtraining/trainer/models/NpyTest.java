package dev.flowtraining.trainer.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class NpyTest {

  @Test
  void rowsComeBackAsTheyWere() throws IOException {
    Tensor array = Npy.parse(ReleasedFiles.npy(Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3)));
    assertThat(array.shape()).containsExactly(2, 3);
    assertThat(array.floats()).containsExactly(1, 2, 3, 4, 5, 6);
  }

  @Test
  void columnsAreTurnedIntoRows() throws IOException {
    // numpy.save(f, numpy.asfortranarray(numpy.array([[1, 2, 3], [4, 5, 6]], 'i1')))
    Tensor array = Npy.parse(bytes("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3), }", 1, 4, 2, 5, 3, 6));
    assertThat(array.longs()).containsExactly(1, 2, 3, 4, 5, 6);
  }

  @Test
  void whatIsDamagedIsRefused() throws IOException {
    byte[] good = ReleasedFiles.npy(Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
    assertThatThrownBy(() -> Npy.parse(Arrays.copyOf(good, good.length - 1)))
        .hasMessageContaining("not 24 for shape [2, 3]");
    assertThatThrownBy(() -> Npy.parse(Arrays.copyOf(good, 40))).hasMessageContaining("header");
    assertThatThrownBy(() -> Npy.parse("no array at all".getBytes(StandardCharsets.US_ASCII)))
        .hasMessageContaining(".npy");
    assertThatThrownBy(() -> Npy.parse(bytes("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 0, 0, 0, 0)))
        .hasMessageContaining(">f4");
  }

  private static byte[] bytes(String header, int... data) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0});
    out.write(header.getBytes(StandardCharsets.US_ASCII));
    for (int b : data) {
      out.write(b);
    }
    return out.toByteArray();
  }
}
