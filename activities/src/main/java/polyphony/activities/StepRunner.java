package polyphony.activities;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCompletionException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.storage.StepAttempt;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;
import polyphony.workflows.StepReport;

/**
 * Runs memoised steps inside activities. While one runs, a timer sends heartbeats, whatever the
 * step is busy with; when a heartbeat is answered with a cancellation, or this worker shuts down,
 * the step is asked to stop. Heavy steps wait for a device slot, but only where there is something
 * to compute.
 */
public final class StepRunner implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StepRunner.class);

  private final Steps steps;
  private final DeviceSlots slots;
  private final Map<String, String> versions;
  private final Duration heartbeatInterval;
  private final ScheduledExecutorService timer;
  private final AtomicLong started = new AtomicLong();
  private final Map<Long, Running> running = new ConcurrentHashMap<>();

  /** The work of a step that tells how far it is. */
  @FunctionalInterface
  interface Body<R> {
    Optional<R> compute(StepAttempt attempt, StepProgress progress) throws Exception;
  }

  /**
   * A step that has ended.
   *
   * @param result empty where it is unfinished
   * @param stopped why it was asked to stop; null where it was not
   * @param done what it had counted at its end
   */
  record Ended<R>(
      Optional<R> result, StepReport report, ActivityCompletionException stopped, long done) {

    /** The result of a step that is never unfinished of its own accord. */
    R finished() {
      if (result.isPresent()) {
        return result.get();
      }
      if (stopped != null) {
        throw stopped;
      }
      throw StepFailures.of(
          "step " + report.key(),
          PolyphonyException.infrastructure(
              "step " + report.key() + " was taken over by another run: run again", null));
    }
  }

  /** Heartbeats every 5 seconds. */
  public StepRunner(Steps steps, DeviceSlots slots, Map<String, String> versions) {
    this(steps, slots, versions, Duration.ofSeconds(5));
  }

  /**
   * @param versions of this process, as steps' requests name them
   */
  StepRunner(
      Steps steps, DeviceSlots slots, Map<String, String> versions, Duration heartbeatInterval) {
    this.steps = steps;
    this.slots = slots;
    this.versions = Map.copyOf(versions);
    this.heartbeatInterval = heartbeatInterval;
    this.timer =
        Executors.newScheduledThreadPool(
            2,
            work -> {
              Thread thread = new Thread(work, "heartbeats");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** What this process is doing at the moment, the longest first. */
  public List<RunningStep> running() {
    return running.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(each -> each.getValue().status)
        .toList();
  }

  private static final class Running {
    private final AtomicReference<ActivityCompletionException> stopped = new AtomicReference<>();
    private volatile RunningStep status;

    Running(RunningStep status) {
      this.status = status;
    }

    void beat(ActivityExecutionContext context) {
      try {
        context.heartbeat(status);
      } catch (ActivityCompletionException e) {
        // Canceled, paused, shut down, or timed out and given to somebody else.
        stopped.compareAndSet(null, e);
      } catch (RuntimeException e) {
        LOG.warn("a heartbeat of {} failed: {}", status.phase(), e.getMessage());
      }
    }

    void report(long done, long total) {
      status = new RunningStep(status.phase(), status.detail(), done, total);
    }
  }

  /** A step without a model. */
  <R> Ended<R> light(Step step, String detail, Class<R> type, Body<R> body) {
    return run(step, detail, type, body);
  }

  /**
   * A step that computes on the device.
   *
   * @param requested versions that the request names; they are part of the step's key, so work of
   *     other versions must not be recorded under it
   */
  <R> Ended<R> heavy(
      Step step, String detail, Map<String, String> requested, Class<R> type, Body<R> body) {
    return run(
        step,
        detail,
        type,
        (attempt, progress) -> {
          if (!versions.equals(requested)) {
            throw PolyphonyException.config(
                "the experiment was recorded with "
                    + requested
                    + ", this worker has "
                    + versions
                    + ": use a worker of those versions, or run it under a new name");
          }
          return slots.compute(attempt::stopRequested, () -> body.compute(attempt, progress));
        });
  }

  private <R> Ended<R> run(Step step, String detail, Class<R> type, Body<R> body) {
    long begin = System.nanoTime();
    ActivityExecutionContext context = Activity.getExecutionContext();
    Running own = new Running(new RunningStep(step.name(), detail, 0, 0));
    long number = started.getAndIncrement();
    running.put(number, own);
    Future<?> beats =
        timer.scheduleWithFixedDelay(
            () -> own.beat(context), 0, heartbeatInterval.toMillis(), TimeUnit.MILLISECONDS);
    try {
      StepOutcome<R> outcome =
          steps.run(
              step,
              type,
              attempt -> body.compute(attempt, own::report),
              () -> own.stopped.get() != null);
      return new Ended<>(
          outcome.result(),
          new StepReport(outcome.key(), outcome.reused(), (System.nanoTime() - begin) / 1e9),
          own.stopped.get(),
          own.status.done());
    } catch (Throwable e) {
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw StepFailures.of(step.name(), e);
    } finally {
      beats.cancel(false);
      running.remove(number);
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
