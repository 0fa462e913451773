package dev.flowtraining.trainer.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.StageFailure;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrecisionTest {

  @ParameterizedTest
  @CsvSource({"auto,false,false,FP32", "auto,true,false,FP16", "auto,true,true,BF16", "fp16,true,true,FP16",
      "fp16,false,false,FP16", "bf16,false,false,BF16", "bf16,true,true,BF16", "tf32,true,true,TF32", "fp32,true,true,FP32"})
  void each_word_means_one_on_each_device(String word, boolean gpu, boolean recent, Precision precision) {
    assertThat(Precision.of(word, gpu, recent)).isEqualTo(precision);
  }

  @ParameterizedTest
  @CsvSource({"bf16,true,false,fp16", "tf32,true,false,fp16", "tf32,false,false,fp32", "fp8,true,true,fp16"})
  void what_a_device_lacks_is_refused_with_what_it_has(String word, boolean gpu, boolean recent, String instead) {
    assertThatThrownBy(() -> Precision.of(word, gpu, recent)).isInstanceOf(StageFailure.class)
        .hasMessageContaining(word).hasMessageContaining(instead);
  }
}
