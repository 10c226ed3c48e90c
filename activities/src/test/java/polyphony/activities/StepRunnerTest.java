package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.storage.Steps;
import polyphony.workflows.CommitCount;
import polyphony.workflows.InvalidSpecException;
import polyphony.workflows.StepReport;

class StepRunnerTest {
  private static final Map<String, String> VERSIONS = Map.of("runtime", "1");

  @TempDir Path temporary;

  private TestActivityEnvironment environment;
  private StepRunner runner;
  private DeviceSlots slots;
  private final List<RunningStep> beats = new CopyOnWriteArrayList<>();

  @ActivityInterface
  public interface Probe {
    @ActivityMethod(name = "probe")
    String probe(String input);
  }

  private interface Body extends InProcessSteps.Body<String, String> {
    Optional<String> compute(StepAttempt attempt, StepProgress progress) throws Exception;

    @Override
    default Optional<String> compute(String request, StepAttempt attempt, StepProgress progress)
        throws Exception {
      return compute(attempt, progress);
    }
  }

  /** One step, run by a real runner. */
  private record ProbeStep(StepRunner runner, ModelStep<String, String> kind) implements Probe {
    @Override
    public String probe(String input) {
      StepRunner.Ended<String> ended = runner.heavy(kind, input, input);
      return ended.finished() + (ended.report().reused() ? " reused" : "");
    }
  }

  @BeforeEach
  void anEnvironment() {
    slots = new DeviceSlots(1);
    environment = TestActivityEnvironment.newInstance();
    environment.setActivityHeartbeatListener(RunningStep.class, beats::add);
  }

  @AfterEach
  void close() {
    environment.close();
    if (runner != null) {
      runner.close();
    }
  }

  private Probe probe(Body body) {
    return probe(VERSIONS, body);
  }

  private Probe probe(Map<String, String> requested, Body body) {
    ModelStep<String, String> kind =
        new ModelStep<>("probe", 1, String.class, request -> requested, String.class);
    Steps steps = new StoreInFolder(temporary).steps;
    runner =
        new StepRunner(
            steps,
            new InProcessSteps(
                steps, slots, VERSIONS, new InProcessSteps.Bodies().with(kind, body)),
            Duration.ofMillis(20));
    environment.registerActivitiesImplementations(new ProbeStep(runner, kind));
    return environment.newActivityStub(Probe.class);
  }

  /** The same step in a process of its own. */
  private Probe anotherProbe(Body body) {
    environment.close();
    environment = TestActivityEnvironment.newInstance();
    return probe(body);
  }

  private static ApplicationFailure failure(Probe probe) {
    Throwable thrown = catchThrowable(() -> probe.probe("x"));
    assertThat(thrown).isInstanceOf(ActivityFailure.class);
    assertThat(thrown.getCause()).isInstanceOf(ApplicationFailure.class);
    return (ApplicationFailure) thrown.getCause();
  }

  @Test
  void everyErrorClassIsTheFailuresType() {
    for (ErrorClass errorClass : ErrorClass.values()) {
      ApplicationFailure failure =
          failure(
              probe(
                  (attempt, progress) -> {
                    throw new PolyphonyException(errorClass, "what is wrong\nand a stack trace");
                  }));
      assertThat(failure.getType()).isEqualTo(errorClass.name());
      assertThat(failure.getOriginalMessage()).isEqualTo("what is wrong");
      assertThat(failure.isNonRetryable()).isEqualTo(!errorClass.retryable());
      environment.close();
      environment = TestActivityEnvironment.newInstance();
    }
  }

  @Test
  void errorsThatNobodyForesawAreBugs() {
    ApplicationFailure failure =
        failure(
            probe(
                (attempt, progress) -> {
                  throw new IllegalStateException("boom");
                }));
    assertThat(failure.getType()).isEqualTo("BUG");
    assertThat(failure.getOriginalMessage()).isEqualTo("java.lang.IllegalStateException: boom");
    assertThat(failure.isNonRetryable()).isTrue();
  }

  @Test
  void memoryIsAClassOfItsOwn() {
    ApplicationFailure failure =
        failure(
            probe(
                (attempt, progress) -> {
                  throw new OutOfMemoryError("Java heap space");
                }));
    assertThat(failure.getType()).isEqualTo("OUT_OF_MEMORY");
    assertThat(failure.isNonRetryable()).isFalse();
  }

  @Test
  void anInvalidSpecIsAConfigurationError() {
    ApplicationFailure failure =
        failure(
            probe(
                (attempt, progress) -> {
                  throw new InvalidSpecException(List.of("agents is 99, allowed: 1 to 16"));
                }));
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).isEqualTo("agents is 99, allowed: 1 to 16");
  }

  @Test
  void aFinishedStepIsReusedWithoutADevice() throws Exception {
    Probe probe = probe((attempt, progress) -> Optional.of("done"));
    assertThat(probe.probe("x")).isEqualTo("done");
    Optional<String> again = slots.compute(() -> false, () -> Optional.of(probe.probe("x")));
    assertThat(again).contains("done reused");
  }

  @Test
  void workOfOtherVersionsIsNotRecordedUnderARequestsKey() {
    ApplicationFailure failure =
        failure(probe(Map.of("runtime", "2"), (attempt, progress) -> Optional.of("done")));
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).contains("{runtime=2}").contains("{runtime=1}");
  }

  @Test
  void heartbeatsTellHowFarAStepIs() {
    Probe probe =
        probe(
            (attempt, progress) -> {
              progress.report(3, 7);
              RunningStep expected = new RunningStep("probe", "x", 3, 7, 0);
              assertThat(runner.running()).containsExactly(expected);
              while (!beats.contains(expected)) {
                Thread.sleep(5);
              }
              return Optional.of("done");
            });
    assertThat(probe.probe("x")).isEqualTo("done");
    assertThat(runner.running()).isEmpty();
  }

  @Test
  void workThatIsNotMemoisedIsKnownToBeAlive() {
    // No step is run.
    runner = new StepRunner(null, null, Duration.ofMillis(20));
    environment.registerActivitiesImplementations(
        (Probe)
            input ->
                runner.alive(
                    "resolve",
                    input,
                    () -> {
                      while (!beats.contains(new RunningStep("resolve", "x", 0, 0, 0))) {
                        Thread.sleep(5);
                      }
                      return "done";
                    }));
    assertThat(environment.newActivityStub(Probe.class).probe("x")).isEqualTo("done");
    assertThat(runner.running()).isEmpty();
  }

  @Test
  void workThatIsNotMemoisedIsToldWhenNobodyWaitsForItAnyMore() {
    runner = new StepRunner(null, null, Duration.ofMillis(20));
    environment.registerActivitiesImplementations(
        (Probe)
            input ->
                runner.alive(
                    "forecast",
                    input,
                    stop -> {
                      assertThat(stop.getAsBoolean()).isFalse();
                      environment.requestCancelActivity();
                      while (!stop.getAsBoolean()) {
                        Thread.sleep(5);
                      }
                      return "stopped";
                    }));
    assertThat(environment.newActivityStub(Probe.class).probe("x")).isEqualTo("stopped");
  }

  @Test
  void heartbeatsAndFailuresTellHowManyCommitsThisAttemptHasMade() {
    Probe probe =
        probe(
            (attempt, progress) -> {
              attempt.commit("first");
              attempt.commit("second");
              RunningStep expected = new RunningStep("probe", "x", 0, 0, 2);
              while (!beats.contains(expected)) {
                Thread.sleep(5);
              }
              throw PolyphonyException.infrastructure("the network is down", null);
            });
    assertThat(failure(probe).getDetails().get(CommitCount.class)).isEqualTo(new CommitCount(2));
    Probe again =
        anotherProbe(
            (attempt, progress) -> {
              assertThat(attempt.commits(String.class)).containsExactly("first", "second");
              throw PolyphonyException.infrastructure("the network is down", null);
            });
    assertThat(failure(again).getDetails().get(CommitCount.class)).isEqualTo(new CommitCount(0));
  }

  @Test
  void workflowsReadHeartbeatsForTheirCommits() {
    DataConverter converter = DefaultDataConverter.STANDARD_INSTANCE;
    var beat = converter.toPayload(new RunningStep("debate", "agent 1", 3, 7, 2)).orElseThrow();
    assertThat(converter.fromPayload(beat, CommitCount.class, CommitCount.class))
        .isEqualTo(new CommitCount(2));
  }

  @Test
  void aStepThatItsWorkersShutdownStopsIsToBeTriedAgain() {
    StepReport report = new StepReport("key", false, 1);
    StepRunner.Ended<String> ended =
        new StepRunner.Ended<>(
            Optional.empty(),
            report,
            new ActivityWorkerShutdownException(),
            new RunningStep("train-critic", "agent 1", 3, 7, 1));
    Throwable thrown = catchThrowable(ended::unlessStopped);
    assertThat(thrown).isInstanceOf(ApplicationFailure.class);
    ApplicationFailure failure = (ApplicationFailure) thrown;
    assertThat(failure.getType()).isEqualTo("INFRASTRUCTURE");
    assertThat(failure.getOriginalMessage())
        .startsWith("train-critic was stopped since its worker");
    assertThat(failure.isNonRetryable()).isFalse();
    assertThat(failure.getDetails().get(CommitCount.class)).isEqualTo(new CommitCount(1));
  }

  @Test
  void aStepWhosePartIsOverIsUnfinishedAndNotFailed() {
    assertThat(
            new StepRunner.Ended<>(
                    Optional.<String>empty(),
                    new StepReport("key", false, 1),
                    null,
                    new RunningStep("train-critic", "agent 1", 3, 7, 1))
                .unlessStopped())
        .isEmpty();
  }

  @Test
  void aCancellationStopsTheStep() {
    Probe probe =
        probe(
            (attempt, progress) -> {
              environment.requestCancelActivity();
              while (!attempt.stopRequested()) {
                Thread.sleep(5);
              }
              return Optional.empty();
            });
    assertThat(catchThrowable(() -> probe.probe("x")))
        .isInstanceOfAny(CanceledFailure.class, ActivityFailure.class)
        .satisfies(
            thrown ->
                assertThat(thrown instanceof CanceledFailure ? thrown : thrown.getCause())
                    .isInstanceOf(CanceledFailure.class));
  }

  @Test
  void aCancellationEndsTheWaitForADevice() throws Exception {
    Optional<String> waited =
        slots.compute(
            () -> false, () -> slots.compute(() -> true, () -> Optional.of("not reached")));
    assertThat(waited).isEmpty();
    assertThat(slots.compute(() -> false, () -> Optional.of("free again"))).isPresent();
  }
}
