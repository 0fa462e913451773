package dev.flowtraining.trainer.check;

import ai.djl.Device;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.collective.ExchangeSpeed;
import dev.flowtraining.trainer.collective.Nccl;
import dev.flowtraining.trainer.collective.Rendezvous;
import dev.flowtraining.trainer.torch.Cuda;
import dev.flowtraining.trainer.torch.Torch;
import java.time.Duration;
import java.util.Map;

/** How fast ranks on GPUs exchange gradients. */
final class ExchangeRow {
  private static final Duration WAIT = Duration.ofMinutes(2);
  private static final Duration PEER = Duration.ofSeconds(20);

  private ExchangeRow() {}

  static Row of(String device, Map<String, String> env) {
    Ranks ranks = Ranks.of(env);
    if (ranks.worldSize() < 2) {
      return Row.warn("NCCL", "one rank", "run check --nccl on every rank of the training set");
    }
    try {
      Device own = Torch.start(device, ranks.localRank(), 1);
      if (!own.isGpu()) {
        return Row.warn("NCCL", "ranks are on CPUs", "use GPUs (--device cuda), or leave --nccl out");
      }
      return measured(ranks, own);
    } catch (StageFailure e) {
      return Row.failed("NCCL", "see that every rank runs this check, and sees its GPU", e);
    }
  }

  private static Row measured(Ranks ranks, Device device) {
    Collective hosts = Rendezvous.join(ranks, "check", WAIT, PEER);
    Collective collective = Nccl.over(hosts, () -> Cuda.currentStream(device.getDeviceId()));
    try {
      ExchangeSpeed speed = ExchangeSpeed.measure(collective, device);
      collective.close();
      return speed.way() == ExchangeSpeed.Way.NVLINK ? Row.ok("NCCL", speed.toString())
          : Row.warn("NCCL", speed.toString(), speed.way().todo());
    } catch (RuntimeException e) {
      collective.abort(e.toString());
      throw e;
    }
  }
}
