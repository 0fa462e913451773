package dev.flowtraining.trainer.train;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A TensorBoard event file of scalars, pictures and audio. Format: TFRecord (length, its checksum, data, its checksum)
 * of protobuf messages {@code tensorflow.Event}; checksums are CRC-32C, rotated right by 15 bits, plus 0xa282ead8.
 */
final class EventFile {
  private static final int MASK = 0xa282ead8;
  private static final int SESSION_START = 1;
  private static final int RGB = 3;

  private final Path file;

  /** @param file is created, or appended to; TensorBoard wants {@code tfevents} in its name */
  EventFile(Path file) throws IOException {
    this.file = file;
    Files.createDirectories(file.getParent());
    if (!Files.exists(file)) {
      append(new Message().text(3, "brain.Event:2"), 0);
    }
  }

  /** What was said of this step and later ones is void: training went on from a checkpoint before it. */
  void start(long step) throws IOException {
    append(new Message().bytes(7, new Message().number(1, SESSION_START).encoded()), step);
  }

  /** @param values by tag, such as {@code TRAIN/loss} */
  void scalars(long step, Map<String, ? extends Number> values) throws IOException {
    Message summary = new Message();
    values.forEach((tag, value) ->
        summary.bytes(1, new Message().text(1, tag).float32(2, value.floatValue()).encoded()));
    append(new Message().bytes(5, summary.encoded()), step);
  }

  void picture(long step, String tag, byte[] png) throws IOException {
    ByteBuffer header = ByteBuffer.wrap(png); // width and height stand at 16 and 20 of every PNG
    value(step, tag, 4, new Message().number(1, header.getInt(20)).number(2, header.getInt(16)).number(3, RGB)
        .bytes(4, png));
  }

  /** @param wav one channel of 16 bits, with a header of 44 bytes */
  void audio(long step, String tag, byte[] wav) throws IOException {
    ByteBuffer header = ByteBuffer.wrap(wav).order(ByteOrder.LITTLE_ENDIAN);
    value(step, tag, 6, new Message().float32(1, header.getInt(24)).number(2, 1).number(3, header.getInt(40) / 2)
        .bytes(4, wav).text(5, "audio/wav"));
  }

  private void value(long step, String tag, int field, Message content) throws IOException {
    Message value = new Message().text(1, tag).bytes(field, content.encoded());
    append(new Message().bytes(5, new Message().bytes(1, value.encoded()).encoded()), step);
  }

  private void append(Message what, long step) throws IOException {
    byte[] event = new Message().float64(1, System.currentTimeMillis() / 1e3).number(2, step).raw(what).encoded();
    ByteBuffer record = ByteBuffer.allocate(16 + event.length).order(ByteOrder.LITTLE_ENDIAN).putLong(event.length);
    record.putInt(checksum(record.array(), 8)).put(event).putInt(checksum(event, event.length));
    Files.write(file, record.array(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  static int checksum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
  }

  /** Protobuf's wire format, as far as an event needs it. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message number(int field, long value) {
      varint(field << 3);
      varint(value);
      return this;
    }

    Message float64(int field, double value) {
      varint(field << 3 | 1);
      out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array());
      return this;
    }

    Message float32(int field, float value) {
      varint(field << 3 | 5);
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
      return this;
    }

    Message text(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message bytes(int field, byte[] value) {
      varint(field << 3 | 2);
      varint(value.length);
      out.writeBytes(value);
      return this;
    }

    Message raw(Message fields) {
      out.writeBytes(fields.encoded());
      return this;
    }

    byte[] encoded() {
      return out.toByteArray();
    }

    private void varint(long value) {
      for (; (value & ~0x7fL) != 0; value >>>= 7) {
        out.write((int) (value & 0x7f | 0x80));
      }
      out.write((int) value);
    }
  }
}
