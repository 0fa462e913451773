package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Backward;
import java.util.Arrays;
import java.util.Random;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChunksTest {
  private static final int LENGTH = 11;

  private final FixtureModel fixture = FixtureModel.tiny();
  private final NDManager manager = fixture.manager();

  @AfterEach
  void close() {
    manager.close();
    fixture.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 25, 50, 1000})
  void a_query_sees_exactly_the_keys_before_the_end_of_its_chunk(int size) {
    Chunks chunks = new Chunks(fixture.parameters.weights(), size);
    for (int length : new int[] {10, 120, 60}) { // the second is longer than what the first has made
      float[] mask = chunks.mask_NN(manager, length).toFloatArray();
      for (int i = 0; i < length; i++) {
        for (int j = 0; j < length; j++) {
          assertThat(mask[i * length + j]).as("query %d, key %d", i, j)
              .isEqualTo(j < (i / size + 1) * size ? 0 : Float.NEGATIVE_INFINITY);
        }
      }
    }
  }

  /** By what changes when a key does, with and without padding: of tokens and of frames. */
  @ParameterizedTest
  @ValueSource(ints = {LENGTH, 9})
  void both_attentions_see_these_keys_and_no_padding(int valid) {
    int size = 4;
    NDArray chunk = new Chunks(fixture.parameters.weights(), size).mask_NN(manager, LENGTH);
    float[] padding = new float[LENGTH];
    Arrays.fill(padding, valid, LENGTH, Float.NEGATIVE_INFINITY);
    NDArray keys = manager.create(padding, new Shape(1, 1, 1, LENGTH));
    Masks masks = (valid == LENGTH ? Masks.NONE : new Masks(null, keys, keys, keys)).within(chunk, chunk);
    Pass pass = new Pass(manager, 0, Pass.Trace.NONE);

    RelativeAttention encoder = RelativeAttention.of(fixture.parameters.weights(), "encoder.encoders.0.self_attn.");
    int width = fixture.modelConfig.encoder().outputSize();
    NDArray position = new RelativePositions(fixture.parameters.weights(), width).of(manager, LENGTH);
    expectQueries(width, valid, size, x -> encoder.apply(pass, x, position, masks.tokenKeys_1B1T()));

    DiTAttention dit = DiTAttention.of(fixture.parameters.weights(), "decoder.estimator.blocks.0.attn.",
        fixture.modelConfig.estimator().numHeads());
    expectQueries(fixture.modelConfig.estimator().hiddenSize(), valid, size,
        x -> dit.apply(pass, x, masks.frameKeys_B11F()));
  }

  private void expectQueries(int width, int valid, int size, UnaryOperator<NDArray> attention) {
    try (var _ = Backward.recording(false)) {
      float[] x = random(LENGTH * width);
      float[] before = attention.apply(manager.create(x, new Shape(1, LENGTH, width))).toFloatArray();
      for (int j = 0; j < LENGTH; j++) {
        float[] changed = x.clone();
        for (int c = 0; c < width; c++) {
          changed[j * width + c] += c % 3 - 1.5f;
        }
        float[] after = attention.apply(manager.create(changed, new Shape(1, LENGTH, width))).toFloatArray();
        int key = j;
        assertThat(rows(before, after, width)).as("queries that see key %d, and the query itself", j).isEqualTo(
            IntStream.range(0, LENGTH).filter(i -> i == key || key < valid && key < (i / size + 1) * size).boxed()
                .collect(Collectors.toCollection(TreeSet::new)));
      }
    }
  }

  /** A token is seen by the look-ahead of the three before it, and through them by their chunk and what follows. */
  @Test
  void in_the_whole_model_no_frame_depends_on_a_later_chunk() {
    int size = 3;
    fixture.model.chunks(size);
    Batch batch = fixture.single(0);
    assertThat(batch.tokens()).isGreaterThan(3 * size);
    int bins = fixture.modelConfig.outputSize();
    Draws draws = new Draws(new float[] {0.5f}, random(2 * batch.tokens() * bins), new int[1], new boolean[1]);
    float[] before = prediction(batch, draws, true);
    float[] offline = prediction(batch, draws, false);
    for (int j = 0; j < batch.tokens(); j++) {
      long[] tokens = batch.token_BT2().clone();
      tokens[2 * j] = (tokens[2 * j] + 1) % fixture.modelConfig.vocabSize();
      Batch other = new Batch(batch.utts(), tokens, batch.tokenLen(), batch.mel_BFC(), batch.speaker_BS());
      int first = 2 * (Math.max(0, j - fixture.modelConfig.encoder().preLookaheadLen()) / size * size);
      assertThat(rows(before, prediction(other, draws, true), bins).first()).as("token %d", j).isEqualTo(first);
      assertThat(rows(offline, prediction(other, draws, false), bins).first()).as("token %d, offline", j).isZero();
    }
  }

  @Test
  void a_chunk_as_long_as_the_utterance_hides_nothing() {
    double offline = fixture.model.evaluateSum(fixture.batch(), fixture.draws());
    fixture.model.chunks(1000);
    assertThat(fixture.model.evaluateSum(fixture.batch(), fixture.draws(), true)).isCloseTo(offline, within(1e-5 * offline));
    fixture.model.chunks(2);
    assertThat(fixture.model.evaluateSum(fixture.batch(), fixture.draws(), true)).isNotCloseTo(offline, within(1e-4 * offline));
    assertThat(fixture.model.evaluateSum(fixture.batch(), fixture.draws())).isEqualTo(offline);
  }

  private float[] prediction(Batch batch, Draws draws, boolean streaming) {
    float[][] seen = new float[1][];
    try (NDManager m = fixture.manager();
        var _ = Backward.recording(false)) {
      Inputs in = fixture.model.inputs(m, batch, draws);
      fixture.model.lossSum(streaming ? fixture.model.streaming(in, m) : in, new Pass(m, 0, (name, value) -> {
        if (name.equals("pred")) {
          seen[0] = value.toFloatArray();
        }
      }));
    }
    return seen[0];
  }

  private static TreeSet<Integer> rows(float[] a, float[] b, int width) {
    return IntStream.range(0, a.length).filter(i -> a[i] != b[i]).map(i -> i / width).boxed()
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static float[] random(int count) {
    Random random = new Random(1);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
