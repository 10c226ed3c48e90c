package polyphony.workflows;

import io.temporal.common.converter.DataConverterException;
import io.temporal.common.converter.Values;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.CompletablePromise;
import io.temporal.workflow.Functions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.TimerOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Calls an iteration's steps as its operator lets them. A step that is held while the iteration is
 * paused, retried while the infrastructure fails, or parked until a person has mended something, is
 * nothing but a promise that is not kept yet, so that the method above need not know.
 *
 * <p>Retries are made here and not by the server: five attempts <em>without a new commit</em> park
 * a step, and only the workflow sees what each attempt came to. The first wait is so long that a
 * worker that is shutting down does not take its own retry.
 */
final class OperatedSteps {
  /** After so many attempts in a row that committed nothing, a step is parked. */
  static final int FRUITLESS_ATTEMPTS = 5;

  private static final Duration FIRST_WAIT = Duration.ofSeconds(10);

  /** There is one worker, and somebody in front of it. */
  private static final Duration FIRST_WAIT_UNATTENDED = Duration.ofSeconds(2);

  private static final Duration LONGEST_WAIT = Duration.ofMinutes(5);
  private static final int LONGEST_SUMMARY = 200;

  private final boolean unattended;
  private final Runnable changed;
  private final Set<Call<?>> calls = new LinkedHashSet<>();
  private final Map<String, String> skipped = new LinkedHashMap<>();
  private boolean paused;
  private TemporalFailure ending;

  /**
   * What skipping a step means.
   *
   * @param group steps that are of no use without one another: they are skipped together
   * @param consequence for the record, such as {@code critic 2 keeps its weights}
   */
  record Skip(String group, String consequence) {}

  /**
   * @param unattended nobody can mend anything: what would be parked fails instead
   * @param changed called whenever there is something new to show
   */
  OperatedSteps(boolean unattended, Runnable changed) {
    this.unattended = unattended;
    this.changed = changed;
  }

  /**
   * Calls a step that the method cannot do without.
   *
   * @param summary names it for people
   * @param schedule schedules one attempt
   */
  <R> Promise<R> call(String summary, Functions.Func<Promise<R>> schedule) {
    return begin(new Call<>(summary, schedule, null)).thenApply(Optional::orElseThrow);
  }

  /** As {@link #call}, of a step that an operator may skip: then there is no result. */
  <R> Promise<Optional<R>> call(String summary, Functions.Func<Promise<R>> schedule, Skip skip) {
    return begin(new Call<>(summary, schedule, skip));
  }

  private <R> Promise<Optional<R>> begin(Call<R> call) {
    calls.add(call);
    if (ending != null) {
      settle();
    } else if (call.isSkipped()) {
      call.finish(Optional.empty());
    } else {
      call.start();
    }
    return call.result;
  }

  /** Running steps are asked to commit and stop, and nothing is started any more. */
  void pause() {
    paused = true;
    stopWhatRuns("paused by an operator");
    changed.run();
  }

  /** What was held goes on from its last commit. */
  void resume() {
    paused = false;
    for (Call<?> call : List.copyOf(calls)) {
      if (call.underWay == null && call.parked == null) {
        call.start();
      }
    }
    changed.run();
  }

  /**
   * Tries parked steps again.
   *
   * @param step name of one of them; null or blank for all
   */
  void retry(String step) {
    for (Call<?> call : List.copyOf(calls)) {
      if (call.parked != null && AllowedActions.isMeant(call.parked, step)) {
        call.parked = null;
        call.fruitless = 0;
        call.start();
      }
    }
    changed.run();
  }

  /** As {@link #retry}, but does without the steps and those of their groups. */
  void skip(String step) {
    for (Call<?> call : calls) {
      if (call.skip != null && call.parked != null && AllowedActions.isMeant(call.parked, step)) {
        skipped.put(call.skip.group(), call.skip.consequence());
      }
    }
    for (Call<?> call : List.copyOf(calls)) {
      // What is running may as well finish: its result is kept for whoever asks next.
      if (call.isSkipped() && call.underWay == null) {
        call.finish(Optional.empty());
      }
    }
    changed.run();
  }

  /** Running steps commit and stop; once they have, every call fails with this. */
  void end(TemporalFailure why) {
    ending = why;
    stopWhatRuns(String.valueOf(why.getMessage()));
    settle();
  }

  boolean paused() {
    return paused;
  }

  /** Whether an end was asked for. */
  boolean ending() {
    return ending != null;
  }

  List<ParkedStep> parked() {
    List<ParkedStep> parked = new ArrayList<>();
    for (Call<?> call : calls) {
      if (call.parked != null) {
        parked.add(call.parked);
      }
    }
    return parked;
  }

  /** What was skipped, in words. */
  List<String> skipped() {
    return List.copyOf(skipped.values());
  }

  private void stopWhatRuns(String reason) {
    for (Call<?> call : List.copyOf(calls)) {
      if (call.underWay != null) {
        call.underWay.cancel(reason);
      }
    }
  }

  /** Lets the workflow end where that was asked for and all that ran has committed. */
  private void settle() {
    if (ending == null || calls.stream().anyMatch(call -> call.underWay != null)) {
      return;
    }
    List<Call<?>> left = List.copyOf(calls);
    calls.clear();
    left.forEach(call -> call.result.completeExceptionally(ending));
  }

  /** One step, over all its attempts. */
  private final class Call<R> {
    private final String summary;
    private final Functions.Func<Promise<R>> schedule;
    private final Skip skip;
    private final CompletablePromise<Optional<R>> result = Workflow.newPromise();

    /** Of the attempt that is running, or of the wait for the next one; else null. */
    private CancellationScope underWay;

    private ParkedStep parked;
    private int fruitless;

    Call(String summary, Functions.Func<Promise<R>> schedule, Skip skip) {
      this.summary = summary;
      this.schedule = schedule;
      this.skip = skip;
    }

    boolean isSkipped() {
      return skip != null && skipped.containsKey(skip.group());
    }

    void start() {
      if (!paused) {
        await(schedule, this::attempted);
      }
    }

    /** Starts something that can be stopped, whatever scope this is called in. */
    private <T> void await(Functions.Func<Promise<T>> work, Ended<T> then) {
      List<Promise<T>> started = new ArrayList<>();
      CancellationScope scope =
          Workflow.newDetachedCancellationScope(() -> started.add(work.apply()));
      underWay = scope;
      scope.run();
      started
          .get(0)
          .handle(
              (value, failure) -> {
                underWay = null;
                then.ended(value, failure, scope.isCancelRequested());
                return null;
              });
    }

    private void attempted(R value, RuntimeException failure, boolean askedToStop) {
      if (failure == null) {
        finish(Optional.of(value));
      } else if (!(failure instanceof TemporalFailure reason)) {
        // Such as a result that this version cannot read: it waits for one that can.
        calls.remove(this);
        result.completeExceptionally(failure);
      } else if (ending == null) {
        TemporalFailure surfaced = FailureTypes.surfaced(reason);
        if (askedToStop && FailureTypes.mayPass(surfaced)) {
          start();
        } else {
          failed(surfaced, committed(reason));
        }
      }
      settle();
    }

    private void failed(TemporalFailure failure, boolean committed) {
      fruitless = committed ? 0 : fruitless + 1;
      if (isSkipped()) {
        finish(Optional.empty());
      } else if (FailureTypes.mayPass(failure) && fruitless < FRUITLESS_ATTEMPTS) {
        if (!paused) {
          await(() -> backOff(failure), (done, cancelled, askedToStop) -> backedOff());
        }
      } else if (unattended) {
        calls.remove(this);
        result.completeExceptionally(failure);
      } else {
        parked =
            new ParkedStep(
                summary,
                FailureTypes.type(failure),
                FailureTypes.line(failure),
                skip == null ? "" : skip.consequence());
        changed.run();
      }
    }

    private Promise<Void> backOff(TemporalFailure failure) {
      Duration wait = unattended ? FIRST_WAIT_UNATTENDED : FIRST_WAIT;
      for (int i = 1; i < fruitless && wait.compareTo(LONGEST_WAIT) < 0; i++) {
        wait = wait.multipliedBy(2);
      }
      String why = "retry of " + summary + ": " + FailureTypes.line(failure);
      return Workflow.newTimer(
          wait.compareTo(LONGEST_WAIT) < 0 ? wait : LONGEST_WAIT,
          TimerOptions.newBuilder()
              .setSummary(why.substring(0, Math.min(LONGEST_SUMMARY, why.length())))
              .build());
    }

    private void backedOff() {
      if (ending == null) {
        start();
      }
      settle();
    }

    private void finish(Optional<R> value) {
      calls.remove(this);
      parked = null;
      result.complete(value);
    }
  }

  /** How something that could be stopped ended. */
  private interface Ended<T> {
    void ended(T value, RuntimeException failure, boolean askedToStop);
  }

  /**
   * Whether an attempt that failed got any further: failures say so, and else the last heartbeat.
   */
  static boolean committed(TemporalFailure failure) {
    Throwable reason = failure.getCause();
    Values details =
        reason instanceof ApplicationFailure application
            ? application.getDetails()
            : reason instanceof TimeoutFailure timeout ? timeout.getLastHeartbeatDetails() : null;
    if (details == null || details.getSize() == 0) {
      return false;
    }
    try {
      CommitCount count = details.get(CommitCount.class);
      return count != null && count.commits() > 0;
    } catch (DataConverterException e) {
      // Details of something else, such as an older worker: nothing is known of its commits.
      return false;
    }
  }
}
