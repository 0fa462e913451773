package dev.flowtraining.trainer.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.DType;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The batches of a split, sorted by length over the whole split, for {@code parquet_round_trip.py}: RUN_DIR SPLIT
 * CONFIG OUT → {@code OUT.safetensors} ({@code i.mel, i.token, i.token_len, i.speaker}), {@code OUT.json} (names, drops).
 */
public final class DumpBatches {
  private DumpBatches() {}

  public static void main(String[] args) throws IOException {
    FlowConfig config = ConfigLoader.load(null, Path.of(args[2]));
    ParquetExamples examples = new ParquetExamples(new RunLayout(Path.of(args[0])), args[1], config);
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>();
    List<List<String>> utts = new ArrayList<>();
    for (int[] plan : EpochPlan.validation(examples.frames(), config.datasetConf().maxFramesInBatch())) {
      PaddedBatch b = PaddedBatch.of(Arrays.stream(plan).mapToObj(examples::load).flatMap(Optional::stream).toList());
      String name = utts.size() + ".";
      utts.add(b.utts());
      long size = b.size();
      tensors.put(name + "mel", floats(b.mel_BFC(), size, b.frames(), b.melBins()));
      tensors.put(name + "speaker", floats(b.speaker_BS(), size, b.speaker_BS().length / size));
      tensors.put(name + "token", longs(b.token_BT2(), size, b.tokens(), 2));
      tensors.put(name + "token_len", longs(Arrays.stream(b.tokenLen()).asLongStream().toArray(), size));
    }
    SafeTensors.write(Path.of(args[3] + ".safetensors"), new StateDict(tensors), Map.of());
    new ObjectMapper().writeValue(Path.of(args[3] + ".json").toFile(),
        Map.of("batches", utts, "dropped", examples.dropped()));
  }

  private static Tensor floats(float[] values, long... shape) {
    ByteBuffer data = ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new Tensor(DType.FLOAT32, shape, data);
  }

  private static Tensor longs(long[] values, long... shape) {
    ByteBuffer data = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asLongBuffer().put(values);
    return new Tensor(DType.INT64, shape, data);
  }
}
