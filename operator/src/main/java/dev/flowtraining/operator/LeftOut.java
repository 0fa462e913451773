package dev.flowtraining.operator;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import io.quarkus.kubernetes.client.KubernetesClientObjectMapperCustomizer;
import jakarta.inject.Singleton;

/**
 * What is not even read of the API server's answers. The caches keep little of an object, but at a start thousands wait to
 * be looked at, and whole Jobs that wait would fill the heap.
 */
@Singleton
class LeftOut implements KubernetesClientObjectMapperCustomizer {

  @Override
  public void customize(ObjectMapper mapper) {
    mapper.addMixIn(ObjectMeta.class, ManagedFields.class);
    mapper.addMixIn(JobSpec.class, Template.class);
  }

  @JsonIgnoreProperties(value = "managedFields", allowGetters = true)
  private interface ManagedFields {
  }

  /** A Job's is written and never read. */
  @JsonIgnoreProperties(value = "template", allowGetters = true)
  private interface Template {
  }
}
