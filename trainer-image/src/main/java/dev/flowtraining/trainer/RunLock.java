package dev.flowtraining.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One process at a time works in a run directory. The lock is the operating system's (POSIX), which ends with its
 * process however that ends, and which NFS 4, CephFS and most other shared volumes carry from node to node. Beside it a
 * file names the holder and is written anew every few seconds: on a volume whose locks stay on their node, a newcomer
 * from elsewhere watches that file for a while before it believes the holder dead.
 *
 * <p>Limits: a volume without locks at all is guarded by that file alone, and two that start there in the same second
 * can both get in; a holder that is stopped (SIGSTOP, a frozen node) longer than the watch counts as dead on a volume
 * whose locks stay on their node. A later attempt of the same FlowTraining is never kept out: attempts write apart, and
 * the one before may be a zombie on a lost node.
 */
final class RunLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunLock.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BEAT = Duration.ofSeconds(10);
  static final Duration WATCH = BEAT.multipliedBy(4);

  /** Who works in the directory. */
  record Holder(String host, long pid, String runId, int attempt, String stage, String since) {
    boolean earlierAttemptOf(Holder other) {
      return sameRun(other) && attempt < other.attempt;
    }

    boolean sameRun(Holder other) {
      return !runId.equals("local") && runId.equals(other.runId);
    }
  }

  private final Path info;
  private final Holder me;
  private final FileChannel channel;
  private boolean closed;

  private RunLock(Path info, Holder me, FileChannel channel) throws IOException {
    this.info = info;
    this.me = me;
    this.channel = channel;
    WholeFile.text(info, JSON.writeValueAsString(me));
    Thread.ofVirtual().name("run-lock").start(this::beat);
  }

  /** @throws StageFailure 75 {@code RunDirectoryInUse}, naming the process that works there */
  static RunLock take(RunLayout layout, Ranks ranks, Stage stage) throws IOException {
    return take(layout.runLock(), me(ranks, stage.id()), WATCH);
  }

  /** @param work a stage, or what else is done there */
  static Holder me(Ranks ranks, String work) {
    return new Holder(host(), ProcessHandle.current().pid(), ranks.runId(),
        ranks.attempt(), work, Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }

  /**
   * An attempt to take a lock.
   *
   * @param lock null when another process has it
   * @param by who that is
   */
  record Taken(RunLock lock, String by) {}

  /** As the kernel calls it: a name that no resolver knows is a name, too. */
  private static String host() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      return "an unnamed machine";
    }
  }

  static RunLock take(Path file, Holder me, Duration watch) throws IOException {
    Taken taken = tryTake(file, me, watch);
    if (taken.lock() == null) {
      throw new StageFailure(ExitCode.RETRYABLE, "RunDirectoryInUse", file.getParent() + " is in use by " + taken.by()
          + "; wait for its end, or give this run a directory of its own");
    }
    return taken.lock();
  }

  static Taken tryTake(Path file, Holder me, Duration watch) throws IOException {
    Path info = info(file);
    FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      boolean free = free(channel, file);
      Holder before = read(info);
      if (before != null && before.earlierAttemptOf(me)) {
        LOG.warn("attempt {} takes {} over from attempt {} on {}", me.attempt, file.getParent(), before.attempt,
            before.host);
      } else if (!free || before != null && !before.host.equals(me.host) && !before.sameRun(me) && lives(info, watch)) {
        channel.close();
        return new Taken(null, before == null ? "another process" : "process " + before.pid + " on " + before.host + " ("
            + before.stage + ", attempt " + before.attempt + " of run " + before.runId + ", since " + before.since + ")");
      }
      return new Taken(new RunLock(info, me, channel), null);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  static Path info(Path file) {
    return file.resolveSibling(file.getFileName() + ".json");
  }

  /** When the holder last told that it lives; the epoch if it never did. */
  static FileTime lastBeat(Path file) throws IOException {
    try {
      return Files.getLastModifiedTime(info(file));
    } catch (NoSuchFileException e) {
      return FileTime.fromMillis(0);
    }
  }

  private static boolean free(FileChannel channel, Path file) {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false; // this very process
    } catch (IOException e) {
      LOG.warn("the volume of {} has no locks ({}): that two runs use it at once is noticed less surely", file,
          e.getMessage());
      return true;
    }
  }

  /** Null when nobody has left a name, or one that cannot be read. */
  private static Holder read(Path info) throws IOException {
    try {
      return Files.isRegularFile(info) ? JSON.readValue(info.toFile(), Holder.class) : null;
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  /** Whether the holder's file changes within the watch. */
  private static boolean lives(Path info, Duration watch) throws IOException {
    FileTime seen = Files.getLastModifiedTime(info);
    LOG.info("{} names a process of another machine; watching for {} s whether it lives", info, watch.toSeconds());
    long end = System.nanoTime() + watch.toNanos();
    try {
      while (System.nanoTime() < end) {
        Thread.sleep(Math.min(500, watch.toMillis() / 4));
        if (!Files.exists(info)) {
          return false;
        }
        if (!Files.getLastModifiedTime(info).equals(seen)) {
          return true;
        }
      }
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for " + info, e);
    }
  }

  private synchronized void beat() {
    try {
      wait(BEAT.toMillis());
      while (!closed && me.equals(read(info))) {
        WholeFile.text(info, JSON.writeValueAsString(me)); // the volume's own clock tells the time
        wait(BEAT.toMillis());
      }
      if (!closed) {
        LOG.warn("another process has taken {} over", info.getParent());
      }
    } catch (IOException e) {
      LOG.warn("{} cannot be kept fresh: {}", info, e.toString());
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts this thread", e);
    }
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    notifyAll();
    try {
      if (me.equals(read(info))) {
        Files.deleteIfExists(info);
      }
    } finally {
      channel.close(); // and with it the lock
    }
  }
}
