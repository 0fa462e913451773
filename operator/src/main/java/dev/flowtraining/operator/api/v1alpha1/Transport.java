package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import java.util.Locale;

/** How the ranks of the running attempt exchange gradients, as rank 0 measured it at the start. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@JsonIgnoreProperties(ignoreUnknown = true)
public record Transport(
    @JsonPropertyDescription("NVLink, PCIe (or shared memory) or Network, told from the speed of NCCL; Sockets between "
        + "CPUs.")
    String way,

    @JsonPropertyDescription("Bus bandwidth of an all-reduce, in GB/s.")
    Double gigabytesPerSecond) {

  private static final String NETWORK = "Network";

  /** Whether GPUs exchange more slowly than those of one node could. */
  public boolean slow() {
    return NETWORK.equals(way);
  }

  public String text() {
    return gigabytesPerSecond == null ? way : String.format(Locale.ROOT, "%s at %s GB/s", way, gigabytesPerSecond);
  }
}
