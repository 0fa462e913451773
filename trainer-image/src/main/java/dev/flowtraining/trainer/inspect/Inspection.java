package dev.flowtraining.trainer.inspect;

import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** {@code flow-trainer inspect FILE [OTHER]}: what a checkpoint holds, and how it differs from another. */
public final class Inspection {
  private static final String ROW = "%-72s %-9s %-20s %12s %12s%n";

  private final Path file;
  private final StateDict dict;

  /** @param file {@code .safetensors}, or torch's own format under any other name */
  public Inspection(Path file) {
    this.file = file;
    dict = StateDictFile.read(file);
  }

  /** Every tensor with its L2 norm and largest magnitude, then the sums. */
  public void list(PrintStream out) {
    out.printf(ROW, "KEY", "TYPE", "SHAPE", "NORM", "LARGEST");
    long sick = 0;
    for (Map.Entry<String, StateDict.Tensor> entry : dict.tensors().entrySet()) {
      Size size = Size.of(entry.getValue().doubles());
      sick += size.notFinite();
      out.printf(ROW, entry.getKey(), type(entry.getValue()), Arrays.toString(entry.getValue().shape()),
          number(size.norm()), number(size.largest()) + (size.notFinite() > 0 ? " !" : ""));
    }
    dict.integers().forEach((name, value) -> out.printf(ROW, name, "integer", "", value, ""));
    out.println(sums(file, dict));
    if (sick > 0) {
      out.println("! " + sick + " values are NaN or infinite");
    }
  }

  /** Every key that differs: |a−b| ÷ |b| in the L2 norm and the largest |a−b|. */
  public void compare(Path other, PrintStream out) {
    StateDict base = StateDictFile.read(other);
    Set<String> keys = new LinkedHashSet<>(dict.tensors().keySet());
    keys.addAll(base.tensors().keySet());
    int equal = 0;
    out.printf(ROW, "KEY", "TYPE", "SHAPE", "RELATIVE", "LARGEST");
    for (String key : keys) {
      StateDict.Tensor mine = dict.tensors().get(key);
      StateDict.Tensor theirs = base.tensors().get(key);
      if (mine == null || theirs == null) {
        StateDict.Tensor there = mine == null ? theirs : mine;
        out.printf(ROW, key, type(there), Arrays.toString(there.shape()), "only in",
            (mine == null ? other : file).getFileName());
      } else if (!Arrays.equals(mine.shape(), theirs.shape())) {
        out.printf(ROW, key, type(mine), Arrays.toString(mine.shape()), "shape there",
            Arrays.toString(theirs.shape()));
      } else if (mine.dtype() == theirs.dtype() && mine.data().equals(theirs.data())) {
        equal++;
      } else {
        double[] b = theirs.doubles();
        Size difference = Size.of(minus(mine.doubles(), b));
        double norm = Size.of(b).norm();
        out.printf(ROW, key, mine.dtype() == theirs.dtype() ? type(mine) : type(mine) + "/" + type(theirs),
            Arrays.toString(mine.shape()), norm == 0 ? "-" : number(difference.norm() / norm),
            number(difference.largest()) + (difference.notFinite() > 0 ? " !" : ""));
      }
    }
    out.println(sums(file, dict));
    out.println(sums(other, base));
    out.println(equal == keys.size() ? "all " + equal + " tensors are equal, bit for bit"
        : equal + " of " + keys.size() + " tensors are equal, bit for bit");
  }

  private static double[] minus(double[] a, double[] b) {
    double[] difference = new double[a.length];
    Arrays.setAll(difference, i -> a[i] - b[i]);
    return difference;
  }

  private static String sums(Path file, StateDict dict) {
    long elements = dict.tensors().values().stream().mapToLong(StateDict.Tensor::elements).sum();
    long bytes = dict.tensors().values().stream().mapToLong(t -> t.elements() * t.dtype().bytes()).sum();
    return String.format(Locale.ROOT, "%s: %d tensors, %,d values, %,d bytes", file, dict.tensors().size(), elements,
        bytes);
  }

  private static String type(StateDict.Tensor tensor) {
    return tensor.dtype().name().toLowerCase(Locale.ROOT);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.6g", value);
  }

  /** @param largest magnitude of the finite values */
  private record Size(double norm, double largest, long notFinite) {
    static Size of(double[] values) {
      double squares = 0;
      double largest = 0;
      long notFinite = 0;
      for (double v : values) {
        if (Double.isFinite(v)) {
          squares += v * v;
          largest = Math.max(largest, Math.abs(v));
        } else {
          notFinite++;
        }
      }
      return new Size(Math.sqrt(squares), largest, notFinite);
    }
  }
}
