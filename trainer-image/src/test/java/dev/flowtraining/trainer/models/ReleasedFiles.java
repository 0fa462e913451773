package dev.flowtraining.trainer.models;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The released files' layout, filled with the small models of the fixtures. */
public final class ReleasedFiles {
  private ReleasedFiles() {}

  /** A Step-Audio-Tokenizer folder whose encoder is a {@code model.pt}, or else an ONNX file. */
  public static Path tokenizer(Path folder, boolean torch) throws IOException {
    Path funAsr = Files.createDirectories(folder.resolve("dengcunqin").resolve(TokenizerFolder.FUN_ASR));
    Map<String, Tensor> arrays = Fixtures.npz("vq02/vq02.npz");
    Files.write(folder.resolve("linguistic_tokenizer.npy"), npy(arrays.get("codebook")));
    Files.copy(Fixtures.file("onnx_stubs/speech_tokenizer_stub.onnx"), folder.resolve("speech_tokenizer_v1.onnx"));
    Files.copy(Fixtures.file("vq02/am.mvn"), funAsr.resolve("am.mvn"));
    JsonNode meta = Fixtures.json("vq02/meta.json");
    if (torch) {
      StateDictFile.write(funAsr.resolve("model.pt"), weights(arrays));
      Files.writeString(funAsr.resolve("config.yaml"), """
          encoder: SANMEncoderChunkOpt
          encoder_conf: {output_size: %d, attention_heads: %d, num_blocks: %d, input_layer: pe_online, sanm_shfit: 0}
          frontend_conf: {fs: 16000, window: hamming, n_mels: 80, lfr_m: 7, lfr_n: 6}
          """.formatted(meta.at("/dims/output").asInt(), meta.at("/dims/heads").asInt(),
          meta.at("/dims/layers").asInt()));
    } else {
      Files.copy(Fixtures.file("vq02/" + meta.at("/onnx/file").asText()), funAsr.resolve("sanm_chunk.onnx"));
    }
    return folder;
  }

  /** The fixture's encoder under the names of a whole FunASR model, with a tensor of its decoder. */
  private static StateDict weights(Map<String, Tensor> arrays) {
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>();
    arrays.forEach((name, tensor) -> {
      if (name.startsWith("w.")) {
        tensors.put("encoder." + name.substring(2), tensor);
      }
    });
    tensors.put("decoder.embed.0.weight", Tensor.of(new float[] {1, 2}, 1, 2));
    return new StateDict(tensors);
  }

  /** The array as numpy writes it. */
  public static byte[] npy(Tensor tensor) throws IOException {
    String shape = Arrays.toString(tensor.shape()).replace("[", "(").replace("]", ",)").replace(",,", ",");
    String header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
    header += " ".repeat(64 - (header.length() + 11) % 64) + "\n";
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    out.write(ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort((short) header.length()).array());
    out.write(header.getBytes(StandardCharsets.US_ASCII));
    byte[] data = new byte[tensor.data().remaining()];
    tensor.data().duplicate().get(data);
    out.write(data);
    return out.toByteArray();
  }
}
