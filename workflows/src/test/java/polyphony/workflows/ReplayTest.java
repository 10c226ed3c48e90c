package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.temporal.api.enums.v1.EventType;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.Worker;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Histories of finished runs, replayed with today's workflow code: a change that would break
 * experiments that are running while it is deployed fails here.
 *
 * <p>Only where such a break is intended are they recorded anew: {@code mvn -pl workflows -am test
 * -Dtest=ReplayTest -Dsurefire.failIfNoSpecifiedTests=false -Dpolyphony.record-histories=true}.
 */
class ReplayTest {
  private static final Path HISTORIES = Path.of("src/test/resources/histories");
  private static final String SMALL = "\"task\": {\"train\": 2, \"evaluate\": 2}, \"agents\": 2";

  /** What happens in a run beside the ordinary. */
  private interface Course {
    Course ORDINARY = (service, steps, run) -> service.run(run.name(), run.spec());

    /** Nobody is there. */
    Course UNATTENDED =
        (service, steps, run) -> {
          WorkflowStub workflow = service.startUnattended(run.name(), run.spec());
          assertThatThrownBy(() -> workflow.getResult(ExperimentResult.class))
              .isInstanceOf(WorkflowFailedException.class);
        };

    void run(TestService service, FakeSteps steps, Recorded run) throws Exception;
  }

  /**
   * A recorded run.
   *
   * @param name also the experiment's
   * @param iterations those that are kept
   */
  private record Recorded(String name, String spec, List<Integer> iterations, Course course) {
    Stream<String> workflows() {
      return Stream.concat(
          Stream.of(name), iterations.stream().map(i -> ExperimentNames.iteration(name, i)));
    }
  }

  private static final String ONE_ITERATION = "{\"iterations\": 1, " + SMALL + "}";

  private static final List<Recorded> RUNS =
      List.of(
          new Recorded("multiagent-ft", ONE_ITERATION, List.of(0, 1), Course.ORDINARY),
          new Recorded(
              "multiagent-ft-no-critic",
              "{\"method\": \"multiagent-ft-no-critic\", \"iterations\": 1, " + SMALL + "}",
              List.of(0, 1),
              Course.ORDINARY),
          new Recorded(
              "single-agent-ft",
              "{\"method\": \"single-agent-ft\", \"iterations\": 1, " + SMALL + "}",
              List.of(0, 1),
              Course.ORDINARY),
          new Recorded(
              "base",
              "{\"method\": \"base\", \"task\": {\"evaluate\": 4}}",
              List.of(0),
              Course.ORDINARY),
          new Recorded("failing", ONE_ITERATION, List.of(1), ReplayTest::damaged),
          new Recorded("refused", "{\"agents\": 99}", List.of(), Course.UNATTENDED),
          new Recorded("retried", ONE_ITERATION, List.of(1), ReplayTest::retried),
          new Recorded("parked", ONE_ITERATION, List.of(1), ReplayTest::parked),
          new Recorded("paused", ONE_ITERATION, List.of(1), ReplayTest::paused),
          new Recorded("extended", ONE_ITERATION, List.of(), ReplayTest::extended),
          new Recorded("recomputed", ONE_ITERATION, List.of(1), ReplayTest::recomputed),
          new Recorded("aborted", ONE_ITERATION, List.of(1), ReplayTest::aborted),
          new Recorded(
              "comparison",
              "{\"methods\": [\"debate\", \"multiagent-ft\"], \"seeds\": [0, 1], \"common\": {"
                  + SMALL
                  + "}}",
              List.of(),
              ReplayTest::compared),
          // From here on, whoever started them is told how they end.
          new Recorded("notified", ONE_ITERATION, List.of(), ReplayTest::parked),
          new Recorded("notified-of-failure", ONE_ITERATION, List.of(), ReplayTest::damaged),
          new Recorded(
              "notified-comparison",
              "{\"methods\": [\"debate\"], \"seeds\": [0], \"common\": {" + SMALL + "}}",
              List.of(),
              ReplayTest::compared),
          // From here on, they are forecast and reported on.
          new Recorded("reported", ONE_ITERATION, List.of(), ReplayTest::reported),
          new Recorded("reported-and-extended", ONE_ITERATION, List.of(), ReplayTest::extended),
          new Recorded("not-reported", ONE_ITERATION, List.of(), ReplayTest::notReported),
          new Recorded(
              "reported-comparison",
              "{\"methods\": [\"debate\"], \"seeds\": [0], \"common\": {" + SMALL + "}}",
              List.of(),
              ReplayTest::compared),
          new Recorded(
              "lora",
              "{\"training\": {\"tuning\": \"lora\"}, \"iterations\": 1, " + SMALL + "}",
              List.of(0, 1),
              Course.ORDINARY));

  static Stream<String> workflows() {
    return RUNS.stream().flatMap(Recorded::workflows);
  }

  private static void damaged(TestService service, FakeSteps steps, Recorded run) throws Exception {
    steps.before = failing(request -> request instanceof Train.Request, FailureTypes.DATA, 1000);
    Course.UNATTENDED.run(service, steps, run);
  }

  private static void reported(TestService service, FakeSteps steps, Recorded run)
      throws Exception {
    steps.forecasts = request -> new Forecast(10, 2, 600, 1200, 5_000_000, 1L << 30, 2);
    steps.reports = name -> new KeptReport(FakeSteps.artifact("page"), "key", "http://x/" + name);
    Course.ORDINARY.run(service, steps, run);
  }

  private static void notReported(TestService service, FakeSteps steps, Recorded run)
      throws Exception {
    steps.before =
        failing(
            request ->
                request instanceof FakeSteps.Forecasting || request instanceof FakeSteps.ReportOf,
            FailureTypes.DATA,
            1000);
    Course.ORDINARY.run(service, steps, run);
  }

  private static void retried(TestService service, FakeSteps steps, Recorded run) throws Exception {
    steps.before =
        failing(request -> request instanceof Vote.Request, FailureTypes.INFRASTRUCTURE, 2);
    Course.ORDINARY.run(service, steps, run);
  }

  private static void parked(TestService service, FakeSteps steps, Recorded run) {
    steps.before =
        failing(
            request ->
                request instanceof Train.Request
                    || (request instanceof Debate.Request debate
                        && debate.purpose() == Purpose.FINETUNE
                        && debate.round() == 2),
            FailureTypes.DATA,
            1);
    WorkflowStub workflow = service.start(run.name(), run.spec());
    service.await(run.name(), progress -> progress.parked().size() == 2);
    workflow.update("retry", String.class);
    service.await(run.name(), progress -> progress.parked().size() == 3);
    workflow.update("skip", String.class, "train critic 2 of 2 · 5 examples");
    service.await(run.name(), progress -> progress.parked().size() == 2);
    workflow.update("retry", String.class);
    workflow.getResult(ExperimentResult.class);
  }

  private static void paused(TestService service, FakeSteps steps, Recorded run) {
    WorkflowStub workflow = whileTraining(service, steps, run);
    workflow.update("pause", String.class);
    letStop(service, steps, run);
    service.awaitEvent(
        ExperimentNames.iteration(run.name(), 1), EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED);
    workflow.update("resume", String.class);
    workflow.getResult(ExperimentResult.class);
  }

  private static void extended(TestService service, FakeSteps steps, Recorded run) {
    CountDownLatch splitting = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request) {
            splitting.countDown();
            await(mayEnd);
          }
        };
    WorkflowStub workflow = service.start(run.name(), run.spec());
    await(splitting);
    workflow.update("extend", String.class, 1);
    mayEnd.countDown();
    workflow.getResult(ExperimentResult.class);
  }

  private static void recomputed(TestService service, FakeSteps steps, Recorded run) {
    String key = "0123456789abcdef".repeat(4);
    steps.finished.add(key);
    WorkflowStub workflow = whileTraining(service, steps, run);
    workflow.update("recompute", String.class, key);
    letStop(service, steps, run);
    workflow.getResult(ExperimentResult.class);
  }

  private static void compared(TestService service, FakeSteps steps, Recorded run) {
    service.startComparison(run.name(), run.spec()).getResult(ComparisonResult.class);
  }

  private static void aborted(TestService service, FakeSteps steps, Recorded run) {
    WorkflowStub workflow = whileTraining(service, steps, run);
    workflow.update("abort", String.class, "enough");
    letStop(service, steps, run);
    assertThatThrownBy(() -> workflow.getResult(ExperimentResult.class))
        .isInstanceOf(WorkflowFailedException.class);
  }

  /** Starts an experiment of which all trainings are under way then. */
  private static WorkflowStub whileTraining(TestService service, FakeSteps steps, Recorded run) {
    CountDownLatch training = new CountDownLatch(3);
    AtomicInteger begun = new AtomicInteger();
    steps.before =
        request -> {
          if (request instanceof Train.Request && begun.incrementAndGet() <= 3) {
            training.countDown();
            steps.workUntilStopped();
          }
        };
    WorkflowStub workflow = service.start(run.name(), run.spec());
    await(training);
    return workflow;
  }

  private static void letStop(TestService service, FakeSteps steps, Recorded run) {
    service.awaitEvent(
        ExperimentNames.iteration(run.name(), 1),
        EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED);
    steps.mayStop.countDown();
  }

  /** Each of these fails so many times. */
  private static Consumer<Object> failing(Predicate<Object> which, String type, int times) {
    Map<Object, Integer> failures = new ConcurrentHashMap<>();
    return request -> {
      if (which.test(request) && failures.merge(request, 1, Integer::sum) <= times) {
        throw FakeSteps.failure(type, "the examples are damaged", 0);
      }
    };
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String file(String workflow) {
    return workflow.replace('/', '.') + ".json";
  }

  private static String recorded(String workflow) throws IOException {
    try (InputStream stream =
        ReplayTest.class.getResourceAsStream("/histories/" + file(workflow))) {
      assertThat(stream).as("recorded history of %s", workflow).isNotNull();
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void replay(String json, String workflow) throws Exception {
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance()) {
      Worker worker = environment.newWorker("replay", TestService.PATIENT);
      worker.registerWorkflowImplementationTypes(
          MultiagentFinetuningImpl.class,
          FinetuningIterationImpl.class,
          MethodComparisonImpl.class);
      WorkflowReplayer.replayWorkflowExecution(
          WorkflowExecutionHistory.fromJson(json, workflow), worker);
    }
  }

  @ParameterizedTest
  @MethodSource("workflows")
  void aRecordedRunStillReplays(String workflow) throws Exception {
    if (Boolean.getBoolean("polyphony.record-histories")) {
      record(workflow);
      replay(Files.readString(HISTORIES.resolve(file(workflow))), workflow);
    } else {
      replay(recorded(workflow), workflow);
    }
  }

  /** Shows that the test above can fail. */
  @Test
  void aRunThatWentAnotherWayDoesNotReplay() {
    assertThatThrownBy(
            () ->
                replay(
                    recorded("multiagent-ft")
                        .replace("multiagent-ft/iteration-000", "another/iteration-000"),
                    "multiagent-ft"))
        .hasStackTraceContaining("NonDeterministicException");
    assertThatThrownBy(
            () ->
                replay(
                    recorded("multiagent-ft/iteration-001")
                        .replace("\"train-generator\"", "\"train-everything\""),
                    "multiagent-ft/iteration-001"))
        .hasStackTraceContaining("NonDeterministicException");
  }

  private static void record(String workflow) throws Exception {
    Recorded run =
        RUNS.stream()
            .filter(candidate -> candidate.workflows().anyMatch(workflow::equals))
            .findAny()
            .orElseThrow();
    Files.createDirectories(HISTORIES);
    FakeSteps steps = new FakeSteps();
    steps.exampleCounts.put("generator-2", 0);
    steps.trainingParts.put("generator-1", 2);
    try (TestService service = new TestService(steps)) {
      run.course().run(service, steps, run);
      Files.writeString(HISTORIES.resolve(file(workflow)), service.history(workflow).toJson(true));
    }
  }
}
