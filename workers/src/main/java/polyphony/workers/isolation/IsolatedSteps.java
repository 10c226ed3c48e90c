package polyphony.workers.isolation;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.activities.DeviceSlots;
import polyphony.activities.ModelStep;
import polyphony.activities.ModelSteps;
import polyphony.activities.StepListener;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

/** Computes each step in a process of its own, which ends with it. */
public final class IsolatedSteps implements ModelSteps {
  private static final Logger LOG = LoggerFactory.getLogger(IsolatedSteps.class);

  /** Long enough for a segment of answers or a training's commit. */
  private static final Duration GRACE = Duration.ofSeconds(60);

  private final ChildCommand command;
  private final Steps steps;
  private final DeviceSlots slots;
  private final Worker worker;
  private final BusyListener busy;
  private final Duration grace;
  private final LongAdder tokens = new LongAdder();

  /**
   * @param steps of the store that the children use
   * @param slots children at a time
   * @param worker this process, recorded as who computed the steps; its versions are the children's
   * @param busy told when a child is at work, the start of its process not counted
   */
  public IsolatedSteps(
      ChildCommand command, Steps steps, DeviceSlots slots, Worker worker, BusyListener busy) {
    this(command, steps, slots, worker, busy, GRACE);
  }

  /**
   * @param grace how long a child may take to commit when it is asked to stop
   */
  IsolatedSteps(
      ChildCommand command,
      Steps steps,
      DeviceSlots slots,
      Worker worker,
      BusyListener busy,
      Duration grace) {
    this.command = command;
    this.steps = steps;
    this.slots = slots;
    this.worker = worker;
    this.busy = busy;
    this.grace = grace;
  }

  /**
   * Versions of what computes in children. Takes as long as a child needs to start.
   *
   * @throws PolyphonyException where it fails
   */
  public static Map<String, String> versions(ChildCommand command) {
    try (Child child = new Child(command, "versions", new Order.Describe())) {
      Report report = child.lastReport(status -> {}, () -> false, GRACE);
      if (report instanceof Report.Versions answer) {
        return answer.versions();
      }
      throw failure("versions", report);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw PolyphonyException.infrastructure("interrupted while asking for versions", e);
    }
  }

  /** Tokens sampled, scored or trained on so far. */
  public long tokens() {
    return tokens.sum();
  }

  @Override
  public Map<String, String> versions() {
    return worker.versions();
  }

  @Override
  public <Q, R> StepOutcome<R> run(
      ModelStep<Q, R> kind, Q request, StepListener listener, BooleanSupplier stop)
      throws Exception {
    Step step = kind.step(request);
    // Neither a process nor a slot is needed for what is done already, or for waiting.
    Optional<StepOutcome<R>> recorded = steps.awaitTurn(step, kind.result(), stop);
    if (recorded.isPresent()) {
      return recorded.get();
    }
    return slots
        .compute(stop, () -> Optional.of(compute(kind, request, step.key(), listener, stop)))
        .orElseGet(() -> new StepOutcome<>(step.key(), Optional.empty(), false));
  }

  private <Q, R> StepOutcome<R> compute(
      ModelStep<Q, R> kind, Q request, String key, StepListener listener, BooleanSupplier stop)
      throws InterruptedException {
    Order order;
    try {
      order =
          new Order.Compute(
              kind.name(),
              key,
              JsonLineChannel.JSON.readTree(CanonicalJson.string(request)),
              worker);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "canonical JSON cannot be read", e);
    }
    Followed followed = new Followed(listener);
    try (Child child = new Child(command, kind.name(), order)) {
      LOG.info("{} ({}) begins in process {}", kind.name(), key, child.processId());
      Report report = child.lastReport(followed::told, stop, grace);
      if (report instanceof Report.Ended ended) {
        return new StepOutcome<>(key, result(kind, ended), ended.reused());
      }
      throw failure(kind.name(), report);
    } finally {
      followed.end();
    }
  }

  private static <R> Optional<R> result(ModelStep<?, R> kind, Report.Ended ended) {
    if (ended.result() == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(JsonLineChannel.JSON.treeToValue(ended.result(), kind.result()));
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(
          ErrorClass.BUG, "the result of " + kind.name() + " cannot be read", e);
    }
  }

  private static PolyphonyException failure(String step, Report report) {
    if (report instanceof Report.Failed failed) {
      return new PolyphonyException(
          failed.errorClass(), failed.message(), new ChildFailure(failed.trace()));
    }
    return new PolyphonyException(
        ErrorClass.BUG, "the process of " + step + " answered with " + report);
  }

  /** What is known of a child's progress. */
  private final class Followed {
    private final StepListener listener;
    private volatile Report.Status last;

    Followed(StepListener listener) {
      this.listener = listener;
    }

    void told(Report.Status status) {
      if (last == null) {
        busy.begin();
        listener.began(() -> last.commits());
      }
      tokens.add(status.tokens() - (last == null ? 0 : last.tokens()));
      last = status;
      listener.report(status.done(), status.total());
    }

    void end() {
      if (last != null) {
        busy.end();
      }
    }
  }
}
