package dev.flowtraining.trainer.collective;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices a lost peer while everybody computes or waits: a connection between rank 0 and each other rank on which both
 * sides say that they live. A closed connection is noticed at once, a stopped process after the time-out; rank 0 tells
 * the others. The first reason stays.
 */
final class Heartbeat {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  private static final String BEAT = "beat";
  private static final String ABORT = "abort ";
  private static final int WORD_MILLIS = 1000;

  private final int rank;
  private final Map<Integer, Wire> wires;
  private final Duration timeout;
  private final Consumer<String> onLoss;
  private final CompletableFuture<String> loss = new CompletableFuture<>();
  private final Thread beating;
  private volatile boolean leaving;
  private volatile boolean closed;

  /**
   * @param wires by rank: on rank 0 to every other, elsewhere to rank 0
   * @param onLoss called once, from any thread, with what happened
   */
  Heartbeat(int rank, Map<Integer, Wire> wires, Duration timeout, Consumer<String> onLoss) {
    this.rank = rank;
    this.wires = wires;
    this.timeout = timeout;
    this.onLoss = onLoss;
    beating = Thread.ofPlatform().daemon().name("heartbeat").unstarted(this::beat);
  }

  void start() {
    beating.start();
    wires.forEach((peer, wire) ->
        Thread.ofPlatform().daemon().name("heartbeat-of-" + peer).start(() -> listen(peer, wire)));
  }

  /** What happened to a peer, or null. */
  String loss() {
    return loss.getNow(null);
  }

  /** Ends this rank's part in the set: tells the others, and lets every waiting call end. */
  void lose(String reason) {
    if (!loss.complete(reason)) {
      return;
    }
    String line = ABORT + reason.replace('\n', ' ');
    for (Wire wire : wires.values()) {
      try {
        wire.send(line.substring(0, Math.min(4000, line.length())));
      } catch (IOException e) {
        // this one has gone already
      }
    }
    onLoss.accept(reason);
  }

  /**
   * Ends this rank's part because the ring broke. The neighbour at the break may only have closed its end after it
   * heard of the true loss, so what the heartbeats say in the next second comes first.
   */
  void loseRing(String reason) {
    try {
      loss.get(WORD_MILLIS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      lose(reason);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      lose(reason);
    }
  }

  /** From now on a closed connection means that a peer has finished; a silent one still means that it is lost. */
  void leave() {
    leaving = true;
  }

  void close() {
    closed = true;
    beating.interrupt();
    wires.values().forEach(Wire::close);
  }

  private void beat() {
    long pause = Math.clamp(timeout.toMillis() / 10, 20, 1000);
    while (!closed) {
      for (Wire wire : wires.values()) {
        try {
          wire.send(BEAT);
        } catch (IOException e) {
          // the listener of this connection sees it too and says why
        }
      }
      try {
        Thread.sleep(pause);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private void listen(int peer, Wire wire) {
    try {
      while (!closed) {
        String line = wire.receive(timeout);
        if (line.startsWith(ABORT)) {
          lose(line.substring(ABORT.length()));
          return;
        }
      }
    } catch (SocketTimeoutException e) {
      lost("rank " + peer + " has been silent for " + timeout.toMillis() / 1000.0 + " s, as seen by rank " + rank);
    } catch (EOFException e) {
      if (!leaving) {
        lost("rank " + peer + " closed its connection to rank " + rank);
      }
    } catch (IOException e) {
      if (!leaving) {
        lost("the connection between rank " + rank + " and rank " + peer + " broke: " + e.getMessage());
      }
    }
  }

  private void lost(String reason) {
    if (!closed && !loss.isDone()) {
      LOG.warn("{}", reason);
      lose(reason);
    }
  }
}
