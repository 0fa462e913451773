package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;
import org.junit.jupiter.api.Test;

class LeftOutTest {

  @Test
  void whatIsLeftOutIsWrittenAndNotRead() throws JsonProcessingException {
    Job job = new JobBuilder().withNewMetadata().withName("demo-train-1")
        .addNewManagedField().withManager("kubectl").endManagedField().endMetadata()
        .withNewSpec().withCompletions(2).withNewTemplate().withNewSpec().withHostname("h").endSpec().endTemplate()
        .endSpec().build();
    ObjectMapper mapper = new ObjectMapper();
    new LeftOut().customize(mapper);
    String text = mapper.writeValueAsString(job);
    assertThat(text).contains("hostname", "kubectl");
    Job read = mapper.readValue(text, Job.class);
    assertThat(read.getMetadata().getName()).isEqualTo("demo-train-1");
    assertThat(read.getSpec().getCompletions()).isEqualTo(2);
    assertThat(read.getSpec().getTemplate()).isNull();
    assertThat(read.getMetadata().getManagedFields()).isEmpty();
    assertThat(mapper.writeValueAsString(read)).doesNotContain("hostname", "kubectl");
  }
}
