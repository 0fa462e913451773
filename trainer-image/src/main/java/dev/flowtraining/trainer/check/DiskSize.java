package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Bytes, as Kubernetes writes them: {@code 500Mi}, {@code 10G}, {@code 1073741824}. */
record DiskSize(long bytes) {
  private static final Pattern FORM = Pattern.compile("(\\d{1,15})(Ki|Mi|Gi|Ti|k|M|G|T)?");
  private static final Map<String, Long> UNITS = Map.of("Ki", 1L << 10, "Mi", 1L << 20, "Gi", 1L << 30, "Ti", 1L << 40,
      "k", 1_000L, "M", 1_000_000L, "G", 1_000_000_000L, "T", 1_000_000_000_000L);

  static DiskSize of(String text) {
    Matcher m = FORM.matcher(text);
    if (!m.matches()) {
      throw new StageFailure(ExitCode.USAGE, "Usage", "'" + text + "' is no size; write it like 500Mi, 10Gi or 10G");
    }
    try {
      long unit = m.group(2) == null ? 1 : UNITS.get(m.group(2));
      return new DiskSize(Math.multiplyExact(Long.parseLong(m.group(1)), unit));
    } catch (ArithmeticException e) {
      throw new StageFailure(ExitCode.USAGE, "Usage", "'" + text + "' is more than any disk has", e);
    }
  }

  @Override
  public String toString() {
    return bytes >= 1L << 30 ? "%.1f GiB".formatted(bytes / (double) (1L << 30))
        : bytes >= 1L << 20 ? "%.0f MiB".formatted(bytes / (double) (1L << 20))
        : Math.ceilDiv(bytes, 1L << 10) + " KiB";
  }
}
