package dev.flowtraining.trainer.collective;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/** Lines of text over a socket, at most 16 KiB each; the messages of rendezvous and heartbeat. */
final class Wire implements AutoCloseable {
  private static final int LONGEST_LINE = 16 << 10;
  private static final JsonMapper JSON = new JsonMapper();

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;

  Wire(Socket socket) throws IOException {
    this.socket = socket;
    socket.setTcpNoDelay(true);
    in = new BufferedInputStream(socket.getInputStream(), 1024);
    out = socket.getOutputStream();
  }

  synchronized void send(String line) throws IOException {
    out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  void send(Record message) throws IOException {
    send(JSON.writeValueAsString(message));
  }

  /** The next line; an {@link EOFException} at the end, a {@link SocketTimeoutException} after the time. */
  String receive(Duration timeout) throws IOException {
    socket.setSoTimeout(Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE));
    byte[] line = new byte[128];
    int n = 0;
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new EOFException("the connection was closed");
      }
      if (n == LONGEST_LINE) {
        throw new IOException("a line of more than " + LONGEST_LINE + " bytes: this is no rank");
      }
      if (n == line.length) {
        line = Arrays.copyOf(line, 2 * n);
      }
      line[n++] = (byte) b;
    }
    return new String(line, 0, n, StandardCharsets.UTF_8);
  }

  <T> T receive(Class<T> type, Duration timeout) throws IOException {
    String line = receive(timeout);
    JsonProcessingException cause = null;
    try {
      T message = JSON.readValue(line, type);
      if (message != null) { // as the text "null" gives it
        return message;
      }
    } catch (JsonProcessingException e) {
      cause = e;
    }
    throw new IOException("not a message of a rank: " + line.substring(0, Math.min(80, line.length())), cause);
  }

  /** Waits a while for the first byte of a line, so that a thread that waits long can look at other things between. */
  boolean ready(Duration timeout) throws IOException {
    socket.setSoTimeout(Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE));
    in.mark(1);
    try {
      if (in.read() < 0) {
        throw new EOFException("the connection was closed");
      }
      in.reset();
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  /** Whether the other side has gone, as far as can be told without waiting. Eats nothing: a waiting rank is silent. */
  boolean gone() {
    try {
      socket.setSoTimeout(1);
      return in.read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // closing is all that was wanted
    }
  }
}
