package polyphony.workers;

import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import polyphony.storage.PolyphonyException;

/**
 * Asks the services that a worker stands on, again and again, whether they are there, and says so
 * once where one is lost and once where it is back.
 */
final class ServiceMonitor implements AutoCloseable {
  private static final Duration EVERY = Duration.ofSeconds(10);

  private final List<Watched> services;
  private final Consumer<String> say;
  private final LongSupplier nanoTime;
  private final ScheduledExecutorService timer;

  /**
   * A service.
   *
   * @param name as the start of a sentence
   * @param probe throws where it does not answer
   * @param meanwhile what becomes of the work while it is lost
   * @param lost done when it is lost
   * @param back done when it is back
   */
  record Service(String name, Runnable probe, String meanwhile, Runnable lost, Runnable back) {}

  private static final class Watched {
    private final Service service;
    private boolean lost;
    private long since;

    Watched(Service service) {
      this.service = service;
    }
  }

  /** A monitor that looks when it is told to. */
  ServiceMonitor(List<Service> services, Consumer<String> say, LongSupplier nanoTime) {
    this.services = services.stream().map(Watched::new).toList();
    this.say = say;
    this.nanoTime = nanoTime;
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "service monitor");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Looks every few seconds from now on. */
  void start() {
    // Ends with the timer; a look never throws.
    Future<?> unused =
        timer.scheduleWithFixedDelay(
            this::look, EVERY.toMillis(), EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Looks once. */
  void look() {
    for (Watched each : services) {
      look(each);
    }
  }

  private void look(Watched watched) {
    Service service = watched.service;
    try {
      service.probe().run();
    } catch (PolyphonyException | StatusRuntimeException e) {
      if (!watched.lost) {
        watched.lost = true;
        watched.since = nanoTime.getAsLong();
        service.lost().run();
        say.accept("lost: " + e.getMessage() + "; " + service.meanwhile());
      }
      return;
    }
    if (watched.lost) {
      watched.lost = false;
      service.back().run();
      Duration away = Duration.ofNanos(nanoTime.getAsLong() - watched.since);
      say.accept(service.name() + " is back after " + ProgressLine.clock(away));
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
