package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * {@link Functions} that record their own gradients on a {@link Tape}. Chains of row operators take one pass over memory
 * each; gradients of parameters are added where they are gathered. Parts that are autograd's lie between {@link #leave}
 * and {@link #enter}, or within a function.
 */
public final class Taped implements Functions {
  private final Tape tape;
  private final Chains chains;
  private final Consumer<String> seams;

  /**
   * @param manager lives until the backward pass has been done
   * @param seams hears of those that the backward pass comes to
   */
  Taped(NDManager manager, Chains chains, Consumer<String> seams) {
    tape = new Tape(manager);
    this.chains = chains;
    this.seams = seams;
  }

  @Override
  public NDArray linear(NDManager manager, NDArray x_BFC, NDArray weight, NDArray biasOrNull) {
    return unrecorded(() -> {
      NDArray y = Operators.linear(Tensors.alias(manager, x_BFC), weight, biasOrNull);
      NDManager kept = tape.keep();
      NDArray x = Tensors.alias(kept, x_BFC);
      tape.record(kept, scope -> {
        NDArray d = tape.take(scope, y);
        if (d != null) {
          tape.add(x_BFC, linearBackward(scope, d, x, weight, biasOrNull));
        }
      });
      return y;
    });
  }

  private NDArray linearBackward(NDManager scope, NDArray d, NDArray x, NDArray weight, NDArray biasOrNull) {
    NDArray d_RN = rows(scope, d);
    if (biasOrNull != null && Tensors.isRecorded(biasOrNull)) {
      chains.columnSums(d_RN, gradient(scope, biasOrNull));
    }
    // of a weight with more axes the last ones are one, as with a convolution's
    NDArray weight_NC = Tensors.alias(scope, weight).reshape(d_RN.getShape().get(1), -1);
    if (Tensors.isRecorded(weight)) {
      Tensors.addProduct(gradient(scope, weight).reshape(weight_NC.getShape()), d_RN.transpose(), rows(scope, x));
    }
    return d_RN.matMul(weight_NC).reshape(x.getShape());
  }

  @Override
  public GatedNorm gatedNorm(NDManager manager, NDArray x_BFC, NDArray yOrNull_BFC, Vectors gateOrNull, Vectors shift,
      Vectors scale, double eps) {
    return unrecorded(() -> {
      NDManager kept = tape.keep();
      Chains.GatedNormed out = chains.gatedNorm(kept, x_BFC, yOrNull_BFC, gateOrNull, shift, scale, eps);
      NDArray sum = yOrNull_BFC == null ? x_BFC : Tensors.alias(manager, out.sum());
      NDArray normed = out.normed();
      normed.attach(manager);
      NDArray y = yOrNull_BFC == null ? null : Tensors.alias(kept, yOrNull_BFC);
      Vectors gate = yOrNull_BFC == null ? null : gateOrNull.in(Tensors.alias(kept, gateOrNull.all_B1N()));
      Vectors keptScale = scale.in(Tensors.alias(kept, scale.all_B1N()));
      tape.record(kept, scope -> {
        NDArray d = tape.take(scope, normed);
        NDArray dSum = tape.take(scope, sum);
        Chains.GatedNormGradients g = chains.gatedNormBackward(scope, d, dSum, out.sum(), out.stats_R2(), y, gate,
            keptScale, y == null ? null : gradient(gateOrNull, gate), gradient(shift, keptScale),
            gradient(scale, keptScale));
        tape.add(x_BFC, g.dx());
        if (y != null) {
          tape.add(yOrNull_BFC, g.dy());
        }
      });
      return new GatedNorm(sum, normed);
    });
  }

  private Vectors gradient(Vectors of, Vectors like) {
    return of.in(tape.gradient(of.all_B1N(), like.all_B1N()));
  }

  @Override
  public NDArray norm(
      NDManager manager, NDArray x_BFC, NDArray weight, NDArray bias, double eps, Activation activation) {
    return unrecorded(() -> {
      NDManager kept = tape.keep();
      Chains.Normed out = chains.norm(kept, x_BFC, weight, bias, eps, activation);
      NDArray y = out.y();
      y.attach(manager);
      NDArray x = Tensors.alias(kept, x_BFC);
      tape.record(kept, scope -> tape.add(x_BFC, chains.normBackward(scope, tape.take(scope, y), x, out.stats_R2(),
          weight, bias, activation, trained(scope, weight), trained(scope, bias))));
      return y;
    });
  }

  @Override
  public NDArray activate(NDManager manager, NDArray x_BFC, Activation activation) {
    return unrecorded(() -> {
      NDArray y = chains.activate(manager, x_BFC, activation);
      NDManager kept = tape.keep();
      NDArray x = Tensors.alias(kept, x_BFC);
      tape.record(kept,
          scope -> tape.add(x_BFC, chains.activateBackward(scope, tape.take(scope, y), x, activation)));
      return y;
    });
  }

  @Override
  public NDArray causalConvolution(NDManager manager, NDArray x_BFC, NDArray weight_OCK, NDArray bias) {
    return unrecorded(() -> {
      int k = Math.toIntExact(weight_OCK.getShape().get(2));
      NDArray y;
      try (NDManager scope = manager.newSubManager()) {
        y = Operators.linear(chains.windows(scope, x_BFC, k),
            Tensors.alias(scope, weight_OCK).reshape(weight_OCK.getShape().get(0), -1), bias);
        y.attach(manager);
      }
      NDManager kept = tape.keep();
      NDArray x = Tensors.alias(kept, x_BFC);
      tape.record(kept, scope -> {
        // made anew: three times x would be kept otherwise
        NDArray windows = chains.windows(scope, x, k);
        NDArray d = linearBackward(scope, tape.take(scope, y), windows, weight_OCK, bias);
        tape.add(x_BFC, chains.windowsBackward(scope, d, k));
      });
      return y;
    });
  }

  @Override
  public NDArray attention(NDManager manager, NDArray q_BFC, NDArray k_BFC, NDArray v_BFC, long heads,
      NDArray mask_B11FOrNull) {
    return recorded(manager, List.of(q_BFC, k_BFC, v_BFC),
        in -> Functions.attention(in.get(0), in.get(1), in.get(2), heads, mask_B11FOrNull));
  }

  /** A function that is autograd's within. */
  NDArray recorded(NDManager manager, List<NDArray> inputs, Function<List<NDArray>, NDArray> function) {
    NDManager kept = tape.keep();
    List<NDArray> leaves = inputs.stream().map(x -> leaf(kept, x)).toList();
    NDArray inner;
    try (NDManager scope = kept.newSubManager(); var _ = Backward.recording(true)) {
      inner = function.apply(leaves.stream().map(x -> Tensors.alias(scope, x)).toList());
      inner.attach(kept);
    }
    NDArray y = Tensors.detach(Tensors.alias(manager, inner));
    tape.record(kept, scope -> {
      Backward.run(inner, tape.take(scope, y));
      for (int i = 0; i < inputs.size(); i++) {
        tape.add(inputs.get(i), gradient(scope, leaves.get(i)));
      }
    });
    return y;
  }

  @Override
  public NDArray enter(NDManager manager, NDArray x) {
    NDArray y = Tensors.detach(Tensors.alias(manager, x));
    if (!Tensors.isRecorded(x)) {
      return y; // nothing before is trained
    }
    NDManager kept = tape.keep();
    NDArray end = Tensors.alias(kept, x);
    tape.record(kept, scope -> Backward.run(end, tape.take(scope, y)));
    return y;
  }

  @Override
  public NDArray leave(NDManager manager, NDArray x) {
    NDManager kept = tape.keep();
    NDArray leaf = leaf(kept, x);
    tape.record(kept, scope -> tape.add(x, gradient(scope, leaf)));
    return Tensors.alias(manager, leaf);
  }

  @Override
  public NDArray seam(NDManager manager, NDArray x, String name) {
    tape.record(tape.keep(), scope -> seams.accept(name));
    return x;
  }

  @Override
  public Functions composed() {
    return new Autograd(this);
  }

  @Override
  public void backward() {
    unrecorded(() -> {
      tape.run();
      return null;
    });
  }

  private static NDArray leaf(NDManager kept, NDArray x) {
    NDArray leaf = Tensors.detach(Tensors.alias(kept, x));
    leaf.setRequiresGradient(true);
    return leaf;
  }

  /** Of a leaf or a parameter: the tensor that autograd adds to. */
  private static NDArray gradient(NDManager scope, NDArray leaf) {
    NDArray gradient = JniUtils.getGradient((PtNDArray) leaf);
    gradient.attach(scope);
    return Tensors.contiguous(gradient);
  }

  /** The gradient of a parameter, null of one that is frozen. */
  private static NDArray trained(NDManager scope, NDArray parameter) {
    return Tensors.isRecorded(parameter) ? gradient(scope, parameter) : null;
  }

  private static NDArray rows(NDManager scope, NDArray x) {
    return Tensors.alias(scope, x).reshape(-1, x.getShape().get(x.getShape().dimension() - 1));
  }

  private static <T> T unrecorded(Supplier<T> work) {
    try (var _ = Backward.recording(false)) {
      return work.get();
    }
  }
}
