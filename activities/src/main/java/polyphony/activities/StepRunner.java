package polyphony.activities;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCompletionException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.storage.StepBody;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.StepReport;

/**
 * Runs memoised steps inside activities. While one runs, a timer sends heartbeats, whatever the
 * step is busy with; when a heartbeat is answered with a cancellation, or this worker shuts down,
 * the step is asked to stop.
 */
public final class StepRunner implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StepRunner.class);

  private final Steps steps;
  private final ModelSteps models;
  private final Duration heartbeatInterval;
  private final ScheduledExecutorService timer;
  private final AtomicLong started = new AtomicLong();
  private final Map<Long, Running> running = new ConcurrentHashMap<>();

  /** Computes a step, telling how far it is. */
  private interface Computation<R> {
    StepOutcome<R> run(StepListener listener, BooleanSupplier stop) throws Exception;
  }

  /** Work that asks now and then whether it is to stop. */
  interface Stoppable<R> {
    R run(BooleanSupplier stop) throws Exception;
  }

  /**
   * A step that has ended.
   *
   * @param result empty where it is unfinished
   * @param stopped why it was asked to stop; null where it was not
   * @param status at its end
   */
  record Ended<R>(
      Optional<R> result,
      StepReport report,
      ActivityCompletionException stopped,
      RunningStep status) {

    /** The result of a step that is never unfinished of its own accord. */
    R finished() {
      return unlessStopped()
          .orElseThrow(
              () ->
                  StepFailures.of(
                      "step " + report.key(),
                      PolyphonyException.infrastructure(
                          "step " + report.key() + " was taken over by another run: run again",
                          null),
                      status.commits()));
    }

    /** The result, or nothing where the step is unfinished of its own accord. */
    Optional<R> unlessStopped() {
      if (result.isEmpty() && stopped != null) {
        throw StepFailures.of(status.phase(), stopped, status.commits());
      }
      return result;
    }
  }

  /**
   * Heartbeats every 5 seconds.
   *
   * @param steps runs the light ones
   * @param models runs those that need a model
   */
  public StepRunner(Steps steps, ModelSteps models) {
    this(steps, models, Duration.ofSeconds(5));
  }

  StepRunner(Steps steps, ModelSteps models, Duration heartbeatInterval) {
    this.steps = steps;
    this.models = models;
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
        .map(each -> each.getValue().status())
        .toList();
  }

  private static final class Running implements StepListener {
    private final AtomicReference<ActivityCompletionException> stopped = new AtomicReference<>();
    private volatile RunningStep counted;
    private volatile LongSupplier commits = () -> 0;

    Running(String step, String detail) {
      this.counted = new RunningStep(step, detail, 0, 0, 0);
    }

    void beat(ActivityExecutionContext context) {
      try {
        context.heartbeat(status());
      } catch (ActivityCompletionException e) {
        // Canceled, paused, shut down, or timed out and given to somebody else.
        stopped.compareAndSet(null, e);
      } catch (RuntimeException e) {
        LOG.warn("a heartbeat of {} failed: {}", counted.phase(), e.getMessage());
      }
    }

    @Override
    public void began(LongSupplier ownCommits) {
      commits = ownCommits;
    }

    @Override
    public void report(long done, long total) {
      counted = new RunningStep(counted.phase(), counted.detail(), done, total, 0);
    }

    RunningStep status() {
      return new RunningStep(
          counted.phase(), counted.detail(), counted.done(), counted.total(), commits.getAsLong());
    }
  }

  /** A step without a model. */
  <R> Ended<R> light(Step step, String detail, Class<R> type, StepBody<R> body) {
    return run(
        step,
        detail,
        (listener, stop) ->
            steps.run(
                step,
                type,
                attempt -> {
                  listener.began(attempt::ownCommits);
                  return body.compute(attempt);
                },
                stop));
  }

  /** A step that needs a model. */
  <Q, R> Ended<R> heavy(ModelStep<Q, R> kind, Q request, String detail) {
    return run(
        kind.step(request), detail, (listener, stop) -> models.run(kind, request, listener, stop));
  }

  /** Work that is not memoised and cannot be stopped: its heartbeats tell that it is alive. */
  <R> R alive(String step, String detail, Callable<R> work) {
    return alive(step, detail, stop -> work.call());
  }

  /** The same, of work that can be stopped. */
  <R> R alive(String step, String detail, Stoppable<R> work) {
    return beating(step, detail, (own, workflow) -> work.run(() -> own.stopped.get() != null));
  }

  private <R> Ended<R> run(Step step, String detail, Computation<R> computation) {
    long begin = System.nanoTime();
    return beating(
        step.name(),
        detail,
        (own, workflow) -> {
          // Before it is looked for: what is in use is not pruned.
          steps.use(ExperimentNames.experiment(workflow), workflow, step);
          StepOutcome<R> outcome = computation.run(own, () -> own.stopped.get() != null);
          return new Ended<>(
              outcome.result(),
              new StepReport(outcome.key(), outcome.reused(), (System.nanoTime() - begin) / 1e9),
              own.stopped.get(),
              own.status());
        });
  }

  private interface Work<R> {
    /**
     * @param workflow id of the one that wants it
     */
    R of(Running own, String workflow) throws Exception;
  }

  /** Sends heartbeats while it works. */
  private <R> R beating(String step, String detail, Work<R> work) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Running own = new Running(step, detail);
    long number = started.getAndIncrement();
    running.put(number, own);
    Future<?> beats =
        timer.scheduleWithFixedDelay(
            () -> own.beat(context), 0, heartbeatInterval.toMillis(), TimeUnit.MILLISECONDS);
    try {
      return work.of(own, context.getInfo().getWorkflowId());
    } catch (Throwable e) {
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw StepFailures.of(step, e, own.status().commits());
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
