package polyphony.workers.isolation;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import polyphony.activities.InProcessSteps;
import polyphony.activities.ModelStep;
import polyphony.activities.StepFailures;
import polyphony.activities.StepListener;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepOutcome;
import polyphony.storage.Worker;

/** The child's side: carries out one order and reports. */
public final class ChildSession {
  private static final Duration STATUS_INTERVAL = Duration.ofMillis(200);

  private final JsonLineChannel channel;
  private final Runnable abandon;
  private volatile boolean stop;
  private volatile boolean over;

  /**
   * What computes in a child.
   *
   * @param tokens sampled, scored or trained on so far
   * @param closing gives everything back
   */
  public record Computing(InProcessSteps steps, LongSupplier tokens, Runnable closing)
      implements AutoCloseable {
    @Override
    public void close() {
      closing.run();
    }
  }

  /** Puts together what computes. */
  public interface Assembler {
    /**
     * @param worker recorded as who computed a step; absent where none will be computed
     */
    Computing assemble(Optional<Worker> worker);
  }

  private ChildSession(JsonLineChannel channel, Runnable abandon) {
    this.channel = channel;
    this.abandon = abandon;
  }

  /**
   * Carries out the order of the worker that listens at a socket.
   *
   * @param abandon ends this process at once, and whatever it is at: its worker is gone
   * @return the process's exit status
   */
  public static int serve(Path socket, Assembler assembler, Runnable abandon) {
    try (JsonLineChannel channel =
        new JsonLineChannel(SocketChannel.open(UnixDomainSocketAddress.of(socket)))) {
      return new ChildSession(channel, abandon).serve(assembler);
    } catch (IOException e) {
      abandon.run();
      return 1;
    }
  }

  private int serve(Assembler assembler) throws IOException {
    Optional<Order> order = channel.receive(Order.class);
    if (order.isEmpty()) {
      abandon.run();
      return 1;
    }
    Thread listening = new Thread(this::listen, "orders");
    listening.setDaemon(true);
    listening.start();
    Report report = carriedOut(order.get(), assembler);
    over = true;
    channel.send(report);
    return 0;
  }

  private void listen() {
    try {
      // Nothing but the wish to stop can come now.
      while (channel.receive(Order.class).isPresent()) {
        stop = true;
      }
    } catch (IOException e) {
      // As good as its end.
    }
    if (!over) {
      abandon.run();
    }
  }

  private Report carriedOut(Order order, Assembler assembler) {
    if (order instanceof Order.Compute compute) {
      try (Computing computing = assembler.assemble(Optional.of(compute.worker()))) {
        return computed(compute, computing);
      } catch (Throwable e) {
        return failed(e);
      }
    }
    try (Computing computing = assembler.assemble(Optional.empty())) {
      return new Report.Versions(computing.steps().versions());
    } catch (Throwable e) {
      return failed(e);
    }
  }

  private Report computed(Order.Compute order, Computing computing) throws Exception {
    ModelStep<?, ?> kind =
        computing.steps().kinds().stream()
            .filter(each -> each.name().equals(order.step()))
            .findFirst()
            .orElseThrow(
                () ->
                    new PolyphonyException(
                        ErrorClass.BUG, "no step is called " + order.step() + " here"));
    try (Progress progress = new Progress(computing.tokens())) {
      return computed(kind, order, computing, progress);
    }
  }

  private <Q, R> Report computed(
      ModelStep<Q, R> kind, Order.Compute order, Computing computing, Progress progress)
      throws Exception {
    Q request = JsonLineChannel.JSON.treeToValue(order.request(), kind.request());
    if (!kind.step(request).key().equals(order.key())) {
      throw new PolyphonyException(
          ErrorClass.BUG, "the request of " + order.step() + " is another one in its process");
    }
    StepOutcome<R> outcome = computing.steps().run(kind, request, progress, () -> stop);
    JsonNode result =
        outcome.result().isEmpty()
            ? null
            : JsonLineChannel.JSON.valueToTree(outcome.result().get());
    return new Report.Ended(outcome.reused(), result);
  }

  private static Report failed(Throwable error) {
    PolyphonyException known = StepFailures.classified(error);
    StringWriter trace = new StringWriter();
    error.printStackTrace(new PrintWriter(trace));
    return new Report.Failed(known.errorClass(), known.getMessage(), trace.toString());
  }

  /** Sends how far the step is, whenever that has changed, and once more at the end. */
  private final class Progress implements StepListener, AutoCloseable {
    private final LongSupplier tokens;
    private final Thread sending = new Thread(this::sendUntilClosed, "status");
    private volatile LongSupplier commits;
    private long done;
    private long total;
    private Report.Status sent;
    private volatile boolean closed;

    Progress(LongSupplier tokens) {
      this.tokens = tokens;
    }

    @Override
    public void began(LongSupplier ownCommits) {
      commits = ownCommits;
      sending.setDaemon(true);
      sending.start();
    }

    @Override
    public synchronized void report(long nowDone, long nowTotal) {
      done = nowDone;
      total = nowTotal;
    }

    private void sendUntilClosed() {
      while (!closed) {
        send();
        // Never by interruption, which would close the channel.
        LockSupport.parkNanos(STATUS_INTERVAL.toNanos());
      }
    }

    private synchronized void send() {
      Report.Status status =
          new Report.Status(done, total, commits.getAsLong(), tokens.getAsLong());
      if (!closed && !status.equals(sent)) {
        sent = status;
        try {
          channel.send(status);
        } catch (IOException e) {
          abandon.run();
        }
      }
    }

    @Override
    public synchronized void close() {
      if (commits != null) {
        send();
      }
      closed = true;
    }
  }
}
