package dev.flowtraining.trainer.collective;

import dev.flowtraining.trainer.Ranks;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;

/**
 * A rank's two connections in the ring.
 *
 * @param next to the next rank, for writing
 * @param before from the rank before, for reading
 */
record Neighbours(SocketChannel next, SocketChannel before) implements AutoCloseable {
  private static final int GREETING_MILLIS = 5000;

  /** Connects to the next rank and accepts the one before; both prove that they know the session. */
  static Neighbours join(Ranks ranks, ServerSocketChannel listener, String session, List<Rendezvous.Seat> seats,
      long deadline) throws IOException {
    int nextRank = (ranks.rank() + 1) % ranks.worldSize();
    int beforeRank = (ranks.rank() + ranks.worldSize() - 1) % ranks.worldSize();
    Rendezvous.Seat seat = seats.stream().filter(s -> s.rank() == nextRank).findFirst().orElseThrow();
    SocketChannel next = SocketChannel.open();
    try {
      next.setOption(StandardSocketOptions.TCP_NODELAY, true);
      next.socket().connect(new InetSocketAddress(seat.host(), seat.port()), millisUntil(deadline));
      writeFully(next, ByteBuffer.wrap(greeting(session, ranks.rank())));
      return new Neighbours(next, accept(listener, greeting(session, beforeRank), deadline));
    } catch (IOException e) {
      next.close();
      throw e;
    }
  }

  static SocketChannel accept(ServerSocketChannel listener, byte[] expected, long deadline) throws IOException {
    while (true) {
      listener.socket().setSoTimeout(millisUntil(deadline));
      Socket socket = listener.socket().accept();
      try {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(Math.min(GREETING_MILLIS, millisUntil(deadline)));
        byte[] got = socket.getInputStream().readNBytes(expected.length);
        if (MessageDigest.isEqual(got, expected)) {
          socket.setSoTimeout(0);
          return socket.getChannel();
        }
      } catch (IOException e) {
        // a stranger that says nothing or goes away; the rank before may come yet
      }
      socket.close();
    }
  }

  static byte[] greeting(String session, int rank) {
    return String.format("ring %s %06d\n", session, rank).getBytes(StandardCharsets.UTF_8);
  }

  private static int millisUntil(long deadline) {
    return Math.clamp((deadline - System.nanoTime()) / 1_000_000, 1, 60_000);
  }

  static void writeFully(SocketChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  @Override
  public void close() throws IOException {
    next.close();
    before.close();
  }
}
