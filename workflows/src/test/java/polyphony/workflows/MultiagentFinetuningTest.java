package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.api.common.v1.RetryPolicy;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.history.v1.ActivityTaskScheduledEventAttributes;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.sdk.v1.WorkflowInteractionDefinition;
import io.temporal.api.sdk.v1.WorkflowMetadata;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Experiments as a whole: their start, their children, their failures. */
@Timeout(120)
class MultiagentFinetuningTest {
  private static final String SMALL = "\"task\": {\"train\": 2, \"evaluate\": 2}";

  private final FakeSteps steps = new FakeSteps();
  private final TestService service = new TestService(steps);

  @AfterEach
  void close() {
    service.close();
  }

  /** How a run ends that fails, as whoever started it sees it. */
  private ApplicationFailure failure(String name, String json) {
    Throwable failed =
        catchThrowable(() -> service.startUnattended(name, json).getResult(ExperimentResult.class));
    assertThat(failed).isInstanceOf(WorkflowFailedException.class);
    assertThat(failed.getCause()).isInstanceOf(ApplicationFailure.class);
    return (ApplicationFailure) failed.getCause();
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "null"})
  void nothingAtAllRunsTheDefaultExperiment(String json) {
    steps.questionsPerUnit = 500;
    ExperimentResult result = service.run("x", json);
    assertThat(result.experiment().name()).isEqualTo("x");
    assertThat(result.experiment().spec())
        .isEqualTo(SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE));
    assertThat(result.iterations())
        .extracting(IterationReport::iteration)
        .containsExactly(0, 1, 2, 3);
  }

  @Test
  void anEmptyBoxRunsTheDefaultExperiment() {
    steps.questionsPerUnit = 500;
    WorkflowStub workflow = service.stub("x");
    workflow.start();
    assertThat(workflow.getResult(ExperimentResult.class).iterations()).hasSize(4);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"agentz\": 3} | agentz is not a field, allowed: agents,",
        "{\"agents\": \"three\"} | agents must be a whole number",
        "{\"task\": {\"size\": 3}} | task.size is not a field, allowed: answers, checker, data, evaluate, evaluateSplit, extractor, levels, name, operands, train",
        "[] | the input must be a JSON object or a method's name in quotes"
      })
  void anInputThatCannotBeReadFailsAtOnceNamingTheField(String json, String message) {
    ApplicationFailure failure = failure("x", json);
    assertThat(failure.getType()).isEqualTo(InvalidInputException.class.getName());
    assertThat(failure.getOriginalMessage()).startsWith(message);
    assertThat(steps.requests).isEmpty();
  }

  @Test
  void aSpecThatIsNotAllowedFailsAtOnceWithEveryViolation() {
    ApplicationFailure failure = failure("x", "{\"agents\": 99, \"tieRule\": \"coin\"}");
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage())
        .isEqualTo(
            "agents is 99, allowed: 1 to 16;"
                + " tieRule is \"coin\", allowed: random, first, skip, released-code");
    assertThat(steps.requests).hasExactlyElementsOfTypes(ExperimentSpec.class, Notice.class);
  }

  @Test
  void anExperimentsNameIsItsWorkflowsId() {
    assertThat(service.run("x", "{\"experiment\": \"x\", \"iterations\": 0, " + SMALL + "}"))
        .isNotNull();
    ApplicationFailure failure = failure("y", "{\"experiment\": \"z\"}");
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).startsWith("experiment is \"z\"").contains("\"y\"");
  }

  @Test
  void anIdThatIsNoNameIsRefused() {
    ApplicationFailure failure = failure("a/b", "{}");
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).contains("\"a/b\"").contains("letters, digits");
  }

  @Test
  void everyIterationIsAChildWithItsOwnIdAndSummary() {
    service.run("x", "{\"iterations\": 1, " + SMALL + "}");
    List<HistoryEvent> children =
        service.history("x").getEvents().stream()
            .filter(
                event ->
                    event.getEventType()
                        == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
            .toList();
    assertThat(children)
        .extracting(
            event -> event.getStartChildWorkflowExecutionInitiatedEventAttributes().getWorkflowId())
        .containsExactly("x/iteration-000", "x/iteration-001");
    var untuned = service.existing("x/iteration-000").describe();
    assertThat(untuned.getStaticSummary()).isEqualTo("iteration 0 of 1 · the untuned society");
    assertThat(untuned.getStaticDetails()).contains("multiagent-ft", "arithmetic", "agents: 3");
    assertThat(service.existing("x/iteration-001").describe().getStaticSummary())
        .isEqualTo("iteration 1 of 1");
  }

  @Test
  void everyKindOfStepHasItsQueueItsLimitsAndItsRetries() {
    service.run("x", "{\"iterations\": 1, " + SMALL + "}");
    List<ActivityTaskScheduledEventAttributes> scheduled =
        Stream.of("x", "x/iteration-001")
            .flatMap(workflow -> service.history(workflow).getEvents().stream())
            .filter(HistoryEvent::hasActivityTaskScheduledEventAttributes)
            .map(HistoryEvent::getActivityTaskScheduledEventAttributes)
            .toList();
    assertThat(scheduled)
        .extracting(
            step ->
                String.join(
                    " ",
                    step.getActivityType().getName(),
                    step.getTaskQueue().getName(),
                    step.getStartToCloseTimeout().getSeconds() + "s",
                    step.getHeartbeatTimeout().getSeconds() + "s"))
        .containsOnly(
            "resolve orchestration 600s 30s",
            "forecast orchestration 120s 30s",
            "report orchestration 120s 30s",
            "debate sampling 86400s 30s",
            "vote orchestration 600s 30s",
            "split orchestration 600s 30s",
            "train-generator training 86400s 30s",
            "train-critic training 86400s 30s",
            "evaluate sampling 86400s 30s",
            "record orchestration 600s 30s",
            "export-history orchestration 120s 30s",
            "notify orchestration 15s 30s");
    assertThat(scheduled)
        .allSatisfy(
            step -> {
              RetryPolicy retries = step.getRetryPolicy();
              if (step.getActivityType().getName().equals("resolve")) {
                assertThat(retries.getInitialInterval().getSeconds()).isEqualTo(2);
                assertThat(retries.getBackoffCoefficient()).isEqualTo(2);
                assertThat(retries.getMaximumInterval().getSeconds()).isEqualTo(300);
                assertThat(retries.getMaximumAttempts()).isEqualTo(5);
                assertThat(retries.getNonRetryableErrorTypesList())
                    .contains("DATA", "CONFIG", "BUG")
                    .doesNotContain("INFRASTRUCTURE", "OUT_OF_MEMORY");
              } else if (step.getActivityType().getName().equals("export-history")) {
                assertThat(retries.getMaximumAttempts()).as("it may not hang").isEqualTo(3);
                assertThat(step.getScheduleToCloseTimeout().getSeconds()).isEqualTo(600);
              } else if (step.getActivityType().getName().equals("notify")) {
                assertThat(retries.getMaximumAttempts()).isEqualTo(3);
                assertThat(step.getScheduleToCloseTimeout().getSeconds())
                    .as("an experiment does not wait longer for it")
                    .isEqualTo(30);
              } else {
                assertThat(retries.getMaximumAttempts())
                    .as("the iteration itself retries")
                    .isEqualTo(1);
              }
            });
  }

  @Test
  void stepsHaveSummariesThatPeopleCanRead() {
    service.run("x", "{\"iterations\": 1, " + SMALL + "}");
    assertThat(service.history("x/iteration-001").getEvents())
        .filteredOn(event -> event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        .extracting(event -> event.getUserMetadata().getSummary().getData().toStringUtf8())
        .contains(
            "\"round 2 · agent 3 of 3 · questions 1-2\"",
            "\"evaluation · round 1 · agent 1 of 3 · questions 1-2\"",
            "\"vote for labels\"",
            "\"split into training sets\"",
            "\"train critic 2 of 3 · 5 examples\"",
            "\"evaluate questions 1-2\"",
            "\"record iteration 1\"");
  }

  @Test
  void aConfigurationErrorOfAStepFailsAtOnceWithItsLine() {
    steps.before =
        request -> {
          if (request instanceof Train.Request) {
            throw ApplicationFailure.newFailure("the disk is for reading only", "CONFIG");
          }
        };
    ApplicationFailure failure = failure("x", "{\"agents\": 1, \"iterations\": 1, " + SMALL + "}");
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).isEqualTo("the disk is for reading only");
    assertThat(steps.requests(Train.Request.class))
        .as("the generator's and the critic's, once each")
        .hasSizeLessThanOrEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DATA", "BUG"})
  void otherErrorsThatNoRetryCanMendAreNotRetried(String type) {
    steps.before =
        request -> {
          if (request instanceof Vote.Request) {
            throw ApplicationFailure.newFailure("first line\n  second line", type);
          }
        };
    ApplicationFailure failure = failure("x", "{" + SMALL + "}");
    assertThat(failure.getType()).isEqualTo(type);
    assertThat(failure.getOriginalMessage()).isEqualTo("first line second line");
    assertThat(steps.requests(Vote.Request.class)).hasSize(1);
  }

  @Test
  void anInfrastructureErrorIsRetried() {
    AtomicInteger failures = new AtomicInteger();
    steps.before =
        request -> {
          if (request instanceof Vote.Request && failures.getAndIncrement() < 4) {
            throw ApplicationFailure.newFailure("the network is down", "INFRASTRUCTURE");
          }
        };
    assertThat(service.run("x", "{\"iterations\": 0, " + SMALL + "}").iterations()).hasSize(1);
    assertThat(steps.requests(Vote.Request.class)).hasSize(5);
  }

  @Test
  void afterFiveAttemptsTheLastErrorEndsTheRun() {
    steps.before =
        request -> {
          if (request instanceof Vote.Request) {
            throw ApplicationFailure.newFailure("the network is down", "INFRASTRUCTURE");
          }
        };
    ApplicationFailure failure = failure("x", "{" + SMALL + "}");
    assertThat(failure.getType()).isEqualTo("INFRASTRUCTURE");
    assertThat(failure.getOriginalMessage()).isEqualTo("the network is down");
    assertThat(steps.requests(Vote.Request.class)).hasSize(5);
  }

  @Test
  void aClosedExperimentCanBeStartedAgainAndExtended() {
    service.run("x", "{\"iterations\": 0, " + SMALL + "}");
    assertThat(service.run("x", "{\"iterations\": 1, " + SMALL + "}").iterations()).hasSize(2);
  }

  @Test
  void anIterationOfAnEarlierRunIsGivenTimeToClose() throws Exception {
    Experiment experiment = steps.resolve("x", PolyphonyDataConverter.parse("{" + SMALL + "}"));
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    AtomicInteger votes = new AtomicInteger();
    steps.before =
        request -> {
          if (request instanceof Vote.Request && votes.getAndIncrement() == 0) {
            started.countDown();
            awaitUninterrupted(mayEnd);
          }
        };
    WorkflowStub earlier = service.stub("FinetuningIteration", "x/iteration-000");
    earlier.start(
        new FinetuningIteration.Request(experiment, 0, Society.copies(FakeSteps.BASE, 3), false));
    assertThat(started.await(60, TimeUnit.SECONDS)).isTrue();

    WorkflowStub run = service.start("x", "{\"iterations\": 0, " + SMALL + "}");
    service.awaitEvent("x", EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED);
    mayEnd.countDown();
    assertThat(run.getResult(ExperimentResult.class).iterations()).hasSize(1);
  }

  @Test
  void cancellingAnExperimentCancelsItsIteration() throws Exception {
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Vote.Request) {
            started.countDown();
            awaitUninterrupted(mayEnd);
          }
        };
    WorkflowStub run = service.start("x", "{\"iterations\": 0, " + SMALL + "}");
    assertThat(started.await(60, TimeUnit.SECONDS)).isTrue();
    run.cancel();
    Throwable ended = catchThrowable(() -> run.getResult(ExperimentResult.class));
    mayEnd.countDown();
    assertThat(ended).isInstanceOf(WorkflowFailedException.class);
    assertThat(ended.getCause()).isInstanceOf(CanceledFailure.class);
    assertThat(service.history("x/iteration-000").getLastEvent().getEventType())
        .isEqualTo(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED);
    assertThat(exported()).containsExactly("x/iteration-000", "x");
  }

  private List<String> exported() {
    return steps.requests(FakeSteps.Exported.class).stream()
        .map(FakeSteps.Exported::workflowId)
        .toList();
  }

  @Test
  void everyIterationsHistoryIsKeptAndTheExperimentsOwnLast() {
    service.run("x", "{\"iterations\": 1, " + SMALL + "}");
    assertThat(exported()).containsExactly("x/iteration-000", "x/iteration-001", "x");
    assertThat(steps.requests(FakeSteps.Exported.class))
        .allSatisfy(
            each ->
                assertThat(each.runId())
                    .isEqualTo(
                        service.existing(each.workflowId()).describe().getExecution().getRunId()));
  }

  @Test
  void theHistoryOfAFailedIterationIsKeptToo() {
    steps.before =
        request -> {
          if (request instanceof Train.Request) {
            throw FakeSteps.failure(FailureTypes.DATA, "damaged", 0);
          }
        };
    failure("x", "{\"agents\": 1, \"iterations\": 1, " + SMALL + "}");
    assertThat(exported()).containsExactly("x/iteration-000", "x/iteration-001", "x");
  }

  @Test
  void aHistoryThatCannotBeKeptFailsNothing() {
    steps.before =
        request -> {
          if (request instanceof FakeSteps.Exported) {
            throw FakeSteps.failure(FailureTypes.INFRASTRUCTURE, "the store does not answer", 0);
          }
        };
    ExperimentResult result = service.run("x", "{\"iterations\": 0, " + SMALL + "}");
    assertThat(result.iterations()).hasSize(1);
    assertThat(exported()).hasSize(6).containsOnly("x/iteration-000", "x");
  }

  @Test
  void aCancelledTrainingMayCommitBeforeItsIterationCloses() throws Exception {
    CountDownLatch started = new CountDownLatch(2);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Train.Request) {
            started.countDown();
            awaitUninterrupted(mayEnd);
          }
        };
    WorkflowStub run = service.start("x", "{\"agents\": 1, \"iterations\": 1, " + SMALL + "}");
    assertThat(started.await(60, TimeUnit.SECONDS)).isTrue();
    run.cancel();
    service.awaitEvent("x/iteration-001", EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED);
    assertThat(service.existing("x/iteration-001").describe().getStatus())
        .isEqualTo(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING);
    mayEnd.countDown();
    Throwable ended = catchThrowable(() -> run.getResult(ExperimentResult.class));
    assertThat(ended.getCause()).isInstanceOf(CanceledFailure.class);
    assertThat(service.history("x/iteration-001").getLastEvent().getEventType())
        .isEqualTo(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED);
  }

  @Test
  void aStepThatRunsIntoItsTimeLimitIsATroubleOfTheInfrastructure() {
    TimeoutFailure timeout =
        new TimeoutFailure("activity", null, TimeoutType.TIMEOUT_TYPE_HEARTBEAT);
    ActivityFailure given =
        new ActivityFailure("failed", 1, 2, "debate", "id", null, "worker", timeout);
    assertThat(FailureTypes.surfaced(given))
        .asInstanceOf(InstanceOfAssertFactories.type(ApplicationFailure.class))
        .satisfies(
            failure -> {
              assertThat(failure.getType()).isEqualTo("INFRASTRUCTURE");
              assertThat(failure.getOriginalMessage())
                  .startsWith("debate ran into its time limit (HEARTBEAT)");
            });
  }

  @Test
  void progressNamesPhaseIterationAndResultsSoFar() throws Exception {
    CountDownLatch training = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Train.Request train && train.role() == Role.CRITIC) {
            training.countDown();
            awaitUninterrupted(mayEnd);
          }
        };
    WorkflowStub run = service.start("x", "{\"agents\": 1, \"iterations\": 1, " + SMALL + "}");
    assertThat(training.await(60, TimeUnit.SECONDS)).isTrue();
    service.awaitEvent("x/iteration-001", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED);

    Progress whole = run.query("progress", Progress.class);
    assertThat(whole.phase()).isEqualTo("train");
    assertThat(whole.iteration()).isEqualTo(1);
    assertThat(whole.iterations()).isEqualTo(1);
    assertThat(whole.unitsDone()).isEqualTo(1);
    assertThat(whole.units()).isEqualTo(2);
    assertThat(whole.reports()).extracting(IterationReport::iteration).containsExactly(0);
    Progress part = service.existing("x/iteration-001").query("progress", Progress.class);
    assertThat(part.phase()).isEqualTo("train");
    assertThat(part.iteration()).isEqualTo(1);
    assertThat(part.units()).isEqualTo(2);
    assertThat(part.reports()).isEmpty();

    mayEnd.countDown();
    run.getResult(ExperimentResult.class);
    Progress done = run.query("progress", Progress.class);
    assertThat(done.phase()).isEqualTo("done");
    assertThat(done.iteration()).isEqualTo(1);
    assertThat(done.reports()).hasSize(2);
  }

  @Test
  void theUserInterfaceIsToldPhaseAndResults() {
    WorkflowStub run = service.start("x", "{\"iterations\": 1, " + SMALL + "}");
    run.getResult(ExperimentResult.class);
    assertThat(metadata(run).getCurrentDetails())
        .isEqualTo(
            "- phase: done"
                + "\n- multiagent-ft on arithmetic · built-in · 3 agents, 2 rounds, 1 iteration"
                + "\n- iteration 0: accuracy 0.500 ± 0.100, consensus 0.800"
                + "\n- iteration 1: accuracy 0.600 ± 0.100, consensus 0.800");
    assertThat(metadata(run).getDefinition().getQueryDefinitionsList())
        .extracting(WorkflowInteractionDefinition::getName)
        .contains("progress");
    assertThat(metadata(service.existing("x/iteration-001")).getCurrentDetails())
        .isEqualTo(
            "- phase: done\n- 3 of 4 questions labelled\n- 6 models trained\n- accuracy 0.6");
  }

  private static WorkflowMetadata metadata(WorkflowStub workflow) {
    return workflow.query("__temporal_workflow_metadata", WorkflowMetadata.class);
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    boolean interrupted = false;
    while (true) {
      try {
        if (!latch.await(60, TimeUnit.SECONDS)) {
          throw new IllegalStateException("nobody let this step end");
        }
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static final Forecast FORECAST = new Forecast(10, 2, 600, 1200, 5_000_000, 1L << 30, 2);

  @Test
  void aForecastIsShownAndComparedWithWhatItTook() {
    steps.forecasts = request -> FORECAST;
    steps.after =
        request -> {
          if (request instanceof Split.Request) {
            service.await("x", progress -> FORECAST.equals(progress.forecast()));
          }
        };
    ExperimentResult result = service.run("x", "{\"iterations\": 1, " + SMALL + "}");

    assertThat(result.forecast().forecast()).isEqualTo(FORECAST);
    assertThat(result.forecast().seconds()).isPositive();
    assertThat(result.forecast().text()).startsWith("forecast 10:00, took 0:");
    assertThat(steps.requests(FakeSteps.Forecasting.class))
        .singleElement()
        .satisfies(
            request -> {
              assertThat(request.name()).isEqualTo("x");
              assertThat(request.spec().iterations()).isEqualTo(1);
            });
  }

  @Test
  void whatWasNotMeasuredBeforeIsForecastOnceItWas() {
    steps.forecasts = request -> request < 3 ? null : FORECAST;
    steps.after =
        request -> {
          if (request instanceof Split.Request split && split.iteration() == 3) {
            service.await("x", progress -> progress.forecast() != null);
          }
        };
    ExperimentResult result = service.run("x", "{" + SMALL + "}");

    assertThat(result.forecast().forecast()).isEqualTo(FORECAST);
    assertThat(steps.requests(FakeSteps.Forecasting.class)).hasSize(3);
  }

  @Test
  void anExperimentDoesWithoutAForecastThatCannotBeMade() {
    steps.forecasts =
        request -> {
          throw FakeSteps.failure(FailureTypes.BUG, "a defect of the forecast", 0);
        };
    ExperimentResult result = service.run("x", "{\"iterations\": 1, " + SMALL + "}");

    assertThat(result.iterations()).hasSize(2);
    assertThat(result.forecast()).isNull();
  }

  @Test
  void everyIterationsReportIsKeptAndLinked() {
    steps.reports =
        name -> new KeptReport(FakeSteps.artifact("page"), "key", "http://reports:8234/" + name);
    service.run("x", "{\"iterations\": 1, " + SMALL + "}");

    assertThat(steps.requests(FakeSteps.ReportOf.class))
        .containsExactly(new FakeSteps.ReportOf("x"), new FakeSteps.ReportOf("x"));
    assertThat(details("x")).contains("- report: [x](http://reports:8234/x)");
  }

  @Test
  void aReportThatCannotBeWrittenFailsNothing() {
    steps.reports =
        name -> {
          throw FakeSteps.failure(FailureTypes.DATA, "a record is damaged", 0);
        };
    assertThat(service.run("x", "{\"iterations\": 1, " + SMALL + "}").iterations()).hasSize(2);
    assertThat(details("x")).doesNotContain("report:");
  }

  /** What the Web UI shows of a workflow. */
  private String details(String workflow) {
    return metadata(service.existing(workflow)).getCurrentDetails();
  }

  @Test
  void whatIsAskedForWhileTheLastReportIsWrittenStillCounts() throws Exception {
    CountDownLatch writing = new CountDownLatch(2);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.reports =
        name -> {
          writing.countDown();
          if (writing.getCount() == 0) {
            FakeSteps.await(mayEnd);
          }
          return null;
        };
    WorkflowStub workflow = service.start("x", "{\"iterations\": 1, " + SMALL + "}");
    assertThat(writing.await(60, TimeUnit.SECONDS)).isTrue();
    service.await("x", progress -> progress.reports().size() == 2);
    workflow.update("extend", String.class, 1);
    mayEnd.countDown();

    assertThat(workflow.getResult(ExperimentResult.class).iterations()).hasSize(3);
    assertThat(
            steps.requests.stream()
                .filter(
                    each -> each instanceof FakeSteps.ReportOf || each instanceof Recording.Request)
                .reduce((earlier, later) -> later))
        .as("the newest report has all iterations")
        .contains(new FakeSteps.ReportOf("x"));
  }

  @Test
  void anExtendedExperimentIsForecastAgain() throws Exception {
    steps.forecasts = request -> FORECAST;
    CountDownLatch splitting = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request split && split.iteration() == 1) {
            splitting.countDown();
            FakeSteps.await(mayEnd);
          }
        };
    WorkflowStub workflow = service.start("x", "{\"iterations\": 1, " + SMALL + "}");
    assertThat(splitting.await(60, TimeUnit.SECONDS)).isTrue();
    workflow.update("extend", String.class, 2);
    mayEnd.countDown();
    workflow.getResult(ExperimentResult.class);

    assertThat(steps.requests(FakeSteps.Forecasting.class))
        .extracting(each -> each.spec().iterations())
        .containsExactly(1, 3);
  }
}
