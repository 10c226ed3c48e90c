package polyphony.workers.isolation;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;

/** One child, from its worker's side. Closing it ends it. */
final class Child implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Child.class);
  private static final Duration POLL = Duration.ofMillis(100);

  /** In bytes: Linux takes 107, macOS 103. */
  private static final int LONGEST_SOCKET = 100;

  /** For a process that has nothing left to do. */
  private static final Duration TIME_TO_EXIT = Duration.ofSeconds(10);

  private final String step;
  private final ChildCommand command;
  private final TemporaryFolder folder;
  private final ServerSocketChannel server;
  private final OptionalLong killsBefore = ChildEnd.killsForMemory();
  private final Process process;
  private final Thread output;
  // An empty one says that none will follow.
  private final BlockingQueue<Optional<Report>> reports = new LinkedBlockingQueue<>();
  private volatile JsonLineChannel channel;
  private volatile String nonsense;
  private volatile String lastWords;

  /**
   * Starts a process and gives it its order.
   *
   * @param step what it is to do, for people
   * @throws PolyphonyException INFRASTRUCTURE where no process can be started; CONFIG where the
   *     folder for temporary files has too long a path
   */
  Child(ChildCommand command, String step, Order order) {
    this.step = step;
    this.command = command;
    this.folder = new TemporaryFolder(Path.of(System.getProperty("java.io.tmpdir")), "step-");
    try {
      Path socket = folder.path().resolve("socket");
      this.server = listening(socket);
      this.process = command.start(socket, folder.path());
    } catch (RuntimeException | Error e) {
      folder.close();
      throw e;
    }
    output = daemon("output", this::forwardOutput);
    daemon("reports", () -> receive(order));
  }

  static ServerSocketChannel listening(Path socket) {
    if (socket.toString().getBytes(StandardCharsets.UTF_8).length > LONGEST_SOCKET) {
      // The folder of temporary files, without what differs every time.
      throw PolyphonyException.config(
          socket.getParent().getParent()
              + " has too long a path for the sockets of steps' processes; name a shorter one by"
              + " -Djava.io.tmpdir");
    }
    try {
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket));
      return server;
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "no socket can be made at "
              + socket
              + " ("
              + e.getMessage()
              + "); is the disk full? Another folder can be named by -Djava.io.tmpdir",
          e);
    }
  }

  private Thread daemon(String name, Runnable work) {
    Thread thread = new Thread(work, name + "-of-" + process.pid());
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** A child that has ended will not connect any more: whoever waits for that learns so. */
  private void stopListening() {
    try {
      server.close();
    } catch (IOException e) {
      LOG.warn("the socket of process {} cannot be closed: {}", process.pid(), e.getMessage());
    }
  }

  private void forwardOutput() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.isBlank()) {
          lastWords = line.strip();
          LOG.info("{} in process {}: {}", step, process.pid(), line);
        }
      }
    } catch (IOException e) {
      LOG.info("the output of process {} cannot be read: {}", process.pid(), e.getMessage());
    } finally {
      stopListening();
    }
  }

  private void receive(Order order) {
    try (JsonLineChannel connected = new JsonLineChannel(server.accept())) {
      connected.send(order);
      channel = connected;
      Optional<Report> report;
      do {
        report = connected.receive(Report.class);
        report.ifPresent(each -> reports.add(Optional.of(each)));
      } while (report.isPresent());
    } catch (JsonProcessingException e) {
      nonsense = e.getOriginalMessage().lines().findFirst().orElse("no JSON");
    } catch (IOException e) {
      LOG.debug("process {} is gone: {}", process.pid(), e.getMessage());
    } finally {
      reports.add(Optional.empty());
    }
  }

  long processId() {
    return process.pid();
  }

  /**
   * Waits for the child's last word and its end.
   *
   * @param statuses told how far it is
   * @param stop turns true when the child is to commit and end
   * @param grace how long that may take
   * @throws PolyphonyException how the child ended without a word; INFRASTRUCTURE where it did not
   *     stop in time, or sent what cannot be read
   */
  Report lastReport(Consumer<Report.Status> statuses, BooleanSupplier stop, Duration grace)
      throws InterruptedException {
    long asked = 0;
    boolean told = false;
    while (true) {
      if (stop.getAsBoolean()) {
        asked = asked == 0 ? System.nanoTime() : asked;
        told = told || tellToStop();
        if (System.nanoTime() - asked > grace.toNanos()) {
          process.destroyForcibly();
          throw PolyphonyException.infrastructure(
              step
                  + ": its process "
                  + process.pid()
                  + " did not stop within "
                  + grace.toSeconds()
                  + " s and was killed; it goes on from its last commit",
              null);
        }
      }
      Optional<Report> report = reports.poll(POLL.toMillis(), TimeUnit.MILLISECONDS);
      if (report == null) {
        continue;
      }
      if (report.isEmpty()) {
        throw wordless();
      }
      if (report.get() instanceof Report.Status status) {
        statuses.accept(status);
      } else {
        awaitExit();
        return report.get();
      }
    }
  }

  /**
   * @return whether there is nothing left to tell
   */
  private boolean tellToStop() {
    JsonLineChannel connected = channel;
    if (connected == null) {
      return false;
    }
    try {
      connected.send(new Order.Stop());
    } catch (IOException e) {
      // It has just ended, which is seen next.
      LOG.debug("process {} is gone: {}", process.pid(), e.getMessage());
    }
    return true;
  }

  private PolyphonyException wordless() throws InterruptedException {
    if (nonsense != null) {
      process.destroyForcibly();
      return PolyphonyException.infrastructure(
          step
              + ": its process "
              + process.pid()
              + " said what cannot be understood ("
              + nonsense
              + ") and was killed; its memory may be damaged",
          null);
    }
    awaitExit();
    output.join(TIME_TO_EXIT.toMillis());
    OptionalLong killsAfter = ChildEnd.killsForMemory();
    return new ChildEnd(
            step,
            process.pid(),
            process.exitValue(),
            command.crashReport(process.pid()),
            killsBefore.isPresent() && killsAfter.isPresent()
                ? OptionalLong.of(killsAfter.getAsLong() - killsBefore.getAsLong())
                : OptionalLong.empty(),
            Optional.ofNullable(lastWords))
        .failure();
  }

  private void awaitExit() throws InterruptedException {
    if (!process.waitFor(TIME_TO_EXIT.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("{}: its process {} does not end, and is killed", step, process.pid());
      process.destroyForcibly().waitFor();
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
    // Its files can go as soon as it is gone; an interrupted thread has to wait for that too.
    boolean interrupted = Thread.interrupted();
    while (process.isAlive()) {
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    folder.close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
