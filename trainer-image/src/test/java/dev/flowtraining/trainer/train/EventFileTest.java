package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.page.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  @TempDir
  Path folder;

  @Test
  void recordsAreFramedAndScalarsEncoded() throws IOException {
    Path file = folder.resolve("flow_model/events.out.tfevents.attempt-0001");
    new EventFile(file).start(300);
    new EventFile(file).scalars(301, Map.of("TRAIN/loss", 0.5));
    List<byte[]> events = records(file);
    assertThat(events).as("version, start of a session, scalars; the version once").hasSize(3);
    // field 1 is the time of day (9 bytes); what follows is step, then the field of the kind
    assertThat(hex(events.get(0))).isEqualTo("1000" + "1a0d" + text("brain.Event:2"));
    assertThat(hex(events.get(1))).isEqualTo("10ac02" + "3a02" + "0801");
    assertThat(hex(events.get(2))).isEqualTo("10ad02" + "2a13" + "0a11" + "0a0a" + text("TRAIN/loss") + "150000003f");
  }

  @Test
  void picturesAndAudioCarryTheirSizes() throws IOException {
    Path file = folder.resolve("events.out.tfevents.media");
    EventFile events = new EventFile(file);
    byte[] png = Png.of(new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB));
    events.picture(7, "m", png);
    events.audio(7, "a", Wav.encode(new Waveform(new float[5], 24_000)));
    // value {tag, image {height 2, width 3, three channels, the file}}
    assertThat(hex(records(file).get(1))).contains("0a016d" + "22").contains("0802" + "1003" + "1803" + "22")
        .contains(HexFormat.of().formatHex(png));
    // value {tag, audio {24000 Hz as a float, one channel, 5 samples, the file, its type}}
    assertThat(hex(records(file).get(2))).contains("0a0161" + "32").contains("0d0080bb46" + "1001" + "1805" + "22")
        .endsWith("2a09" + text("audio/wav"));
  }

  /** The check value of CRC-32C is 0xe3069283. */
  @Test
  void checksumsAreMasked() {
    int crc = 0xe3069283;
    assertThat(EventFile.checksum("123456789".getBytes(StandardCharsets.US_ASCII), 9))
        .isEqualTo((crc >>> 15 | crc << 17) + 0xa282ead8);
  }

  private static List<byte[]> records(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> records = new ArrayList<>();
    while (in.hasRemaining()) {
      byte[] length = new byte[8];
      in.get(in.position(), length);
      byte[] data = new byte[Math.toIntExact(in.getLong())];
      assertThat(in.getInt()).isEqualTo(EventFile.checksum(length, 8));
      in.get(data);
      assertThat(in.getInt()).isEqualTo(EventFile.checksum(data, data.length));
      records.add(data);
    }
    return records;
  }

  private static String hex(byte[] event) {
    assertThat(event[0]).as("a double in field 1").isEqualTo((byte) 0x09);
    return HexFormat.of().formatHex(event, 9, event.length);
  }

  private static String text(String text) {
    return HexFormat.of().formatHex(text.getBytes(StandardCharsets.US_ASCII));
  }
}
