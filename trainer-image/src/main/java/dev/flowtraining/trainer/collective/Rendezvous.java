package dev.flowtraining.trainer.collective;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.ServerSocketChannel;
import java.security.SecureRandom;
import java.security.Security;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How ranks find each other: rank 0 listens at {@code MASTER_ADDR:MASTER_PORT}, each other rank says who it is, and
 * when all are there everybody gets the list of addresses. A rank of another run, attempt, world size or plan is
 * refused with a reason that both sides log.
 */
public final class Rendezvous {
  private static final Logger LOG = LoggerFactory.getLogger(Rendezvous.class);
  private static final int PROTOCOL = 1;
  /** A connection that says nothing for so long is no rank. */
  private static final Duration HELLO_TIMEOUT = Duration.ofSeconds(2);
  /** How often a waiting rank looks whether it has been asked to stop. */
  private static final Duration LOOK_UP = Duration.ofSeconds(1);
  private static final Duration REPORT_INTERVAL = Duration.ofSeconds(10);

  private final Ranks ranks;
  private final String plan;
  private final Duration timeout;
  private final Duration peerTimeout;
  private final long deadline;

  private Rendezvous(Ranks ranks, String plan, Duration timeout, Duration peerTimeout) {
    this.ranks = ranks;
    this.plan = plan;
    this.timeout = timeout;
    this.peerTimeout = peerTimeout;
    deadline = System.nanoTime() + timeout.toNanos();
  }

  /** What a rank says first. */
  record Hello(int protocol, String runId, int attempt, int worldSize, int rank, String plan, int ringPort) {}

  /** What rank 0 answers: a refusal with its own attempt, or every rank's address and the session's secret. */
  record Answer(String refusal, int attempt, String session, List<Seat> seats) {}

  record Seat(int rank, String host, int port) {}

  /**
   * Waits for all ranks.
   *
   * @param plan hash of everything that must be the same on all ranks (config, data plan)
   * @param timeout how long ranks wait for each other; then the stage ends with 75 {@code RendezvousTimeout}
   * @param peerTimeout how long a silent peer counts as alive
   */
  public static Collective join(Ranks ranks, String plan, Duration timeout, Duration peerTimeout) {
    if (ranks.worldSize() == 1) {
      return new Alone();
    }
    // names of pods resolve late: the JVM must not remember that a name was unknown, nor an old address for long
    Security.setProperty("networkaddress.cache.negative.ttl", "0");
    Security.setProperty("networkaddress.cache.ttl", "5");
    var rendezvous = new Rendezvous(ranks, plan, timeout, peerTimeout);
    try (ServerSocketChannel ring = ServerSocketChannel.open().bind(new InetSocketAddress(0))) {
      int ringPort = ((InetSocketAddress) ring.getLocalAddress()).getPort();
      return ranks.rank() == 0 ? rendezvous.host(ring, ringPort) : rendezvous.visit(ring, ringPort);
    } catch (IOException e) {
      throw new StageFailure(ExitCode.RETRYABLE, "RendezvousFailed",
          "rank " + ranks.rank() + " of " + ranks.worldSize() + " could not join the others: " + e, e);
    }
  }

  private Collective host(ServerSocketChannel ring, int ringPort) throws IOException {
    Map<Integer, Wire> wires = new TreeMap<>();
    List<Seat> seats = new ArrayList<>(List.of(new Seat(0, "", ringPort)));
    try (ServerSocket server = new ServerSocket()) {
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress(ranks.masterPort()));
      LOG.info("rank 0 waits for {} other ranks at port {}", ranks.worldSize() - 1, ranks.masterPort());
      long nextReport = System.nanoTime() + REPORT_INTERVAL.toNanos();
      while (wires.size() < ranks.worldSize() - 1) {
        refuseIfInterrupted();
        server.setSoTimeout(Math.clamp(remaining("missing ranks " + missing(wires)).toMillis(), 1, 1000));
        try {
          admit(server.accept(), wires, seats);
        } catch (SocketTimeoutException e) {
          // look at the clock and go on
        }
        if (System.nanoTime() > nextReport) {
          LOG.info("rendezvous still waits for ranks {}", missing(wires));
          nextReport += REPORT_INTERVAL.toNanos();
        }
      }
      byte[] secret = new byte[16];
      new SecureRandom().nextBytes(secret);
      String session = HexFormat.of().formatHex(secret);
      for (Wire wire : wires.values()) {
        wire.send(new Answer(null, ranks.attempt(), session, seats));
      }
      return TcpRing.connect(ranks, ring, session, seats, wires, deadline, peerTimeout);
    } catch (IOException | RuntimeException e) {
      wires.values().forEach(Wire::close);
      throw e;
    }
  }

  private void admit(Socket socket, Map<Integer, Wire> wires, List<Seat> seats) {
    String from = socket.getInetAddress().getHostAddress();
    Wire wire = null;
    try {
      wire = new Wire(socket);
      Hello hello = wire.receive(Hello.class, HELLO_TIMEOUT);
      String refusal = refusal(hello, wires);
      if (refusal != null) {
        LOG.warn("refused rank {} from {}: {}", hello.rank(), from, refusal);
        wire.send(new Answer(refusal, ranks.attempt(), null, null));
        wire.close();
        return;
      }
      Wire before = wires.put(hello.rank(), wire);
      if (before != null) {
        before.close();
      }
      seats.removeIf(s -> s.rank() == hello.rank());
      seats.add(new Seat(hello.rank(), from, hello.ringPort()));
      LOG.info("rank {} of {} is here, from {}", hello.rank(), ranks.worldSize(), from);
    } catch (IOException e) {
      LOG.warn("dropped a connection from {}: {}", from, e.toString());
      if (wire != null) {
        wire.close();
      }
    }
  }

  private String refusal(Hello hello, Map<Integer, Wire> wires) {
    if (hello.protocol() != PROTOCOL) {
      return "it speaks protocol " + hello.protocol() + ", this is " + PROTOCOL + "; use one image for all ranks";
    }
    if (!ranks.runId().equals(hello.runId())) {
      return "it belongs to run " + hello.runId() + ", this is run " + ranks.runId();
    }
    if (ranks.attempt() != hello.attempt()) {
      return "it belongs to attempt " + hello.attempt() + ", this is attempt " + ranks.attempt();
    }
    if (ranks.worldSize() != hello.worldSize() || hello.rank() < 1 || hello.rank() >= ranks.worldSize()) {
      return "it is rank " + hello.rank() + " of " + hello.worldSize() + ", here are " + ranks.worldSize() + " ranks";
    }
    if (!plan.equals(hello.plan())) {
      return "its config or data differs (plan " + hello.plan() + ", here " + plan + ")";
    }
    Wire seated = wires.get(hello.rank());
    return seated != null && !seated.gone() ? "rank " + hello.rank() + " is here already" : null;
  }

  private Collective visit(ServerSocketChannel ring, int ringPort) throws IOException {
    Hello hello = new Hello(PROTOCOL, ranks.runId(), ranks.attempt(), ranks.worldSize(), ranks.rank(), plan, ringPort);
    String where = ranks.masterAddr() + ":" + ranks.masterPort();
    String last = "";
    for (long pause = 50; ; pause = Math.min(2 * pause, 1000)) {
      Duration left = remaining("rank 0 at " + where + (last.isEmpty() ? "" : ", last error: " + last));
      Wire wire = null;
      try {
        // resolved anew each time; an address that is resolved once keeps its answer
        var address = new InetSocketAddress(ranks.masterAddr(), ranks.masterPort());
        Socket socket = new Socket();
        socket.connect(address, Math.clamp(left.toMillis(), 1, 5000));
        wire = new Wire(socket);
        wire.send(hello);
        do {
          refuseIfInterrupted();
          left = remaining("rank 0 at " + where + " to gather the others");
        } while (!wire.ready(left.compareTo(LOOK_UP) < 0 ? left : LOOK_UP));
        Answer answer = wire.receive(Answer.class, HELLO_TIMEOUT);
        if (answer.refusal() == null) {
          String master = socket.getInetAddress().getHostAddress();
          List<Seat> seats = answer.seats().stream()
              .map(s -> s.rank() == 0 ? new Seat(0, master, s.port()) : s).toList();
          return TcpRing.connect(ranks, ring, answer.session(), seats, Map.of(0, wire), deadline, peerTimeout);
        }
        wire.close();
        if (answer.attempt() >= ranks.attempt()) {
          throw new StageFailure(ExitCode.RETRYABLE, "RendezvousRefused", "rank 0 at " + where + " refused rank "
              + ranks.rank() + " of attempt " + ranks.attempt() + ": " + answer.refusal());
        }
        last = "an older attempt still answers: " + answer.refusal();
      } catch (IOException e) {
        if (wire != null) {
          wire.close();
        }
        last = e.toString();
      }
      sleep(pause);
    }
  }

  private Duration remaining(String waitingFor) {
    long left = deadline - System.nanoTime();
    if (left <= 0) {
      throw new StageFailure(ExitCode.RETRYABLE, "RendezvousTimeout", "rank " + ranks.rank() + " of "
          + ranks.worldSize() + " waited " + timeout.toSeconds() + " s in vain for " + waitingFor);
    }
    return Duration.ofNanos(left);
  }

  private List<Integer> missing(Map<Integer, Wire> wires) {
    return IntStream.range(1, ranks.worldSize()).filter(r -> !wires.containsKey(r)).boxed().toList();
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    refuseIfInterrupted();
  }

  private static void refuseIfInterrupted() {
    if (Thread.currentThread().isInterrupted()) {
      throw new StageFailure(
          ExitCode.TERMINATED, "Terminated", "asked to stop while waiting for the other ranks");
    }
  }
}
