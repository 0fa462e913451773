package dev.flowtraining.trainer.parquet;

import java.util.Set;
import java.util.TreeSet;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/**
 * The columns of a training set and how a row stands in them: the schema that CosyVoice's {@code make_parquet_list.py}
 * writes through pandas, with three-level lists. Reading takes any numeric type in the lists and passes over other
 * columns, such as {@code instruct}.
 */
final class RowSchema {
  /** The file's metadata that says which mel its utterances were cut for; upstream's files have none. */
  static final String MEL = "flowtraining.mel";
  static final MessageType SCHEMA = Types.buildMessage()
      .addFields(text("utt"), Types.optional(PrimitiveTypeName.BINARY).named("audio_data"), text("wav"), text("text"),
          text("spk"), list("utt_embedding", PrimitiveTypeName.DOUBLE), list("spk_embedding", PrimitiveTypeName.DOUBLE),
          list("speech_token", PrimitiveTypeName.INT64))
      .named("schema");
  /** Upstream's tool writes them only when it is given them; a run needs one of the two. */
  private static final Set<String> OPTIONAL = Set.of("utt_embedding", "spk_embedding");

  private RowSchema() {}

  private static Type text(String name) {
    return Types.optional(PrimitiveTypeName.BINARY).as(LogicalTypeAnnotation.stringType()).named(name);
  }

  private static Type list(String name, PrimitiveTypeName element) {
    return Types.optionalList().optionalElement(element).named(name);
  }

  /** Our columns of a file, typed as they are there. */
  static MessageType projection(MessageType file) {
    return new MessageType(file.getName(),
        file.getFields().stream().filter(f -> SCHEMA.containsField(f.getName())).toList());
  }

  /** The columns that a file lacks and a row needs. */
  static Set<String> missing(MessageType file) {
    Set<String> missing = new TreeSet<>(SCHEMA.getFields().stream().map(Type::getName).toList());
    file.getFields().forEach(f -> missing.remove(f.getName()));
    if (!missing.containsAll(OPTIONAL)) {
      missing.removeAll(OPTIONAL);
    }
    return missing;
  }

  static UtteranceRow row(Group g) {
    return new UtteranceRow(string(g, "utt"), binary(g, "audio_data").getBytes(), string(g, "wav"), string(g, "text"),
        string(g, "spk"), doubles(g, "utt_embedding"), doubles(g, "spk_embedding"), longs(g, "speech_token"));
  }

  private static Binary binary(Group g, String name) {
    return g.getFieldRepetitionCount(name) == 0 ? Binary.EMPTY : g.getBinary(name, 0);
  }

  private static String string(Group g, String name) {
    return binary(g, name).toStringUsingUTF8();
  }

  private static double[] doubles(Group g, String name) {
    if (!g.getType().containsField(name) || g.getFieldRepetitionCount(name) == 0) {
      return new double[0];
    }
    Group list = g.getGroup(name, 0);
    double[] values = new double[list.getFieldRepetitionCount(0)];
    for (int i = 0; i < values.length; i++) {
      values[i] = number(list.getGroup(0, i), name).doubleValue();
    }
    return values;
  }

  private static long[] longs(Group g, String name) {
    if (g.getFieldRepetitionCount(name) == 0) {
      return new long[0];
    }
    Group list = g.getGroup(name, 0);
    long[] values = new long[list.getFieldRepetitionCount(0)];
    for (int i = 0; i < values.length; i++) {
      values[i] = number(list.getGroup(0, i), name).longValue();
    }
    return values;
  }

  private static Number number(Group element, String column) {
    if (element.getFieldRepetitionCount(0) == 0) {
      throw new IllegalArgumentException("null in a list of " + column);
    }
    PrimitiveTypeName type = element.getType().getType(0).asPrimitiveType().getPrimitiveTypeName();
    return switch (type) {
      case DOUBLE -> element.getDouble(0, 0);
      case FLOAT -> element.getFloat(0, 0);
      case INT64 -> element.getLong(0, 0);
      case INT32 -> element.getInteger(0, 0);
      default -> throw new IllegalArgumentException(column + " is a list of " + type + ", not of numbers");
    };
  }
}
