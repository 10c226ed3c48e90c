package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.api.sdk.v1.WorkflowMetadata;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.common.SearchAttributes;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.failure.TimeoutFailure;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What operators do to experiments that are running, and what waits for them. */
@Timeout(120)
class OperatorTest {
  private static final String ONE_AGENT =
      "{\"agents\": 1, \"iterations\": 1, \"task\": {\"train\": 2, \"evaluate\": 2}}";
  private static final String TWO_RANGES =
      "{\"agents\": 2, \"iterations\": 1, \"task\": {\"train\": 4, \"evaluate\": 2}}";
  private static final String UNTUNED =
      "{\"agents\": 1, \"iterations\": 0, \"task\": {\"train\": 2, \"evaluate\": 2}}";
  private static final Predicate<Object> TRAINING = Train.Request.class::isInstance;
  private static final String KEY = "0123456789abcdef".repeat(4);

  private final FakeSteps steps = new FakeSteps();
  private final TestService service = new TestService(steps);

  @AfterEach
  void close() {
    service.close();
  }

  private static String update(WorkflowStub workflow, String action, Object... arguments) {
    return workflow.update(action, String.class, arguments);
  }

  /** Why an update is rejected. */
  private static String refused(WorkflowStub workflow, String action, Object... arguments) {
    Throwable refused = catchThrowable(() -> update(workflow, action, arguments));
    assertThat(refused).as(action).isInstanceOf(WorkflowUpdateException.class);
    assertThat(refused.getCause()).isInstanceOf(ApplicationFailure.class);
    return ((ApplicationFailure) refused.getCause()).getOriginalMessage();
  }

  private static ApplicationFailure failure(WorkflowStub run) {
    Throwable failed = catchThrowable(() -> run.getResult(ExperimentResult.class));
    assertThat(failed).isInstanceOf(WorkflowFailedException.class);
    assertThat(failed.getCause()).isInstanceOf(ApplicationFailure.class);
    return (ApplicationFailure) failed.getCause();
  }

  private static ExperimentResult result(WorkflowStub run) {
    return run.getResult(ExperimentResult.class);
  }

  private Progress awaitPhase(String id, String phase) {
    return service.await(id, progress -> progress.phase().equals(phase));
  }

  /**
   * Steps that work until they are stopped, the first time.
   *
   * @param count all that are running then: the test server gets stuck where a step ends by itself
   *     while it is asked to stop
   * @return how often such a step was begun
   */
  private AtomicInteger holdFirst(int count, Predicate<Object> which, CountDownLatch working) {
    return holdFirst(count, which, working, steps::workUntilStopped);
  }

  private AtomicInteger holdFirst(
      int count, Predicate<Object> which, CountDownLatch working, Runnable hold) {
    AtomicInteger begun = new AtomicInteger();
    steps.before =
        attempts(
            which,
            begun,
            attempt -> {
              if (attempt <= count) {
                working.countDown();
                hold.run();
              }
            });
    return begun;
  }

  /** Lets steps hear that they are to stop, once they are asked to. */
  private void stops(String iteration) {
    service.awaitEvent(iteration, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED);
    steps.mayStop.countDown();
  }

  private Progress awaitParked(String id) {
    return awaitPhase(id, Progress.NEEDS_ATTENTION);
  }

  private static String details(WorkflowStub workflow) {
    return workflow
        .query("__temporal_workflow_metadata", WorkflowMetadata.class)
        .getCurrentDetails();
  }

  /** Attempts of some step, counted. */
  private static Consumer<Object> attempts(
      Predicate<Object> which, AtomicInteger count, Consumer<Integer> attempt) {
    return request -> {
      if (which.test(request)) {
        attempt.accept(count.incrementAndGet());
      }
    };
  }

  private static Predicate<Object> training(Role role) {
    return request -> request instanceof Train.Request train && train.role() == role;
  }

  private static Predicate<Object> debate(Purpose purpose, int from) {
    return request ->
        request instanceof Debate.Request debate
            && debate.purpose() == purpose
            && debate.from() == from;
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  // Pause and resume.

  private void isPausedAndGoesOn(int count, Predicate<Object> which, String phase) {
    CountDownLatch working = new CountDownLatch(count);
    AtomicInteger begun = holdFirst(count, which, working);
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    assertThat(update(run, "pause")).startsWith("pausing");
    String iteration = "x/iteration-001";
    stops(iteration);
    awaitPhase(iteration, Progress.PAUSED);
    awaitPhase("x", Progress.PAUSED);
    assertThat(details(run)).contains("paused by an operator", "`resume`");
    assertThat(details(service.existing(iteration))).startsWith("- phase: paused in " + phase);
    service.awaitEvent(iteration, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED);
    int before = steps.requests.size();
    service.pass(Duration.ofDays(2));
    assertThat(steps.requests).as("nothing is started").hasSize(before);

    assertThat(update(run, "resume")).isEqualTo("going on with iteration 1 of 1");
    assertThat(result(run).iterations()).hasSize(2);
    assertThat(begun).as("the same steps again").hasValue(2 * count);
  }

  @Test
  void aDebateIsPausedAndGoesOn() {
    isPausedAndGoesOn(
        1,
        request ->
            request instanceof Debate.Request debate
                && debate.purpose() == Purpose.FINETUNE
                && debate.round() == 1,
        "debate");
  }

  @Test
  void aTrainingIsPausedAndGoesOn() {
    isPausedAndGoesOn(2, TRAINING, "train");
  }

  @Test
  void aStepThatFinishesWhilePausingIsNotRepeated() {
    CountDownLatch working = new CountDownLatch(2);
    CountDownLatch mayEnd = new CountDownLatch(1);
    holdFirst(2, TRAINING, working, () -> await(mayEnd));
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    update(run, "pause");
    service.awaitEvent("x/iteration-001", EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED);
    mayEnd.countDown();
    WorkflowStub iteration = service.existing("x/iteration-001");
    service.await(
        "x", progress -> details(iteration).startsWith("- phase: paused in debate for evaluation"));
    update(run, "resume");
    result(run);
    assertThat(steps.trainings(1)).hasSize(2);
  }

  @Test
  void anExperimentShowsThatItsIterationWasPausedAndResumesIt() {
    CountDownLatch working = new CountDownLatch(2);
    holdFirst(2, TRAINING, working);
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    update(service.existing("x/iteration-001"), "pause");
    stops("x/iteration-001");
    awaitPhase("x", Progress.PAUSED);
    assertThat(refused(run, "pause"))
        .isEqualTo(
            "pause is refused: the experiment is paused already; allowed now: resume, extend,"
                + " abort");
    update(run, "resume");
    assertThat(result(run).iterations()).hasSize(2);
  }

  @Test
  void aPausedExperimentCanBeCancelled() {
    CountDownLatch working = new CountDownLatch(2);
    holdFirst(2, TRAINING, working);
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    update(run, "pause");
    stops("x/iteration-001");
    service.awaitEvent("x/iteration-001", EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED);
    run.cancel();
    Throwable ended = catchThrowable(() -> result(run));
    assertThat(ended.getCause()).isInstanceOf(CanceledFailure.class);
    assertThat(service.history("x/iteration-001").getLastEvent().getEventType())
        .isEqualTo(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED);
  }

  // More or fewer iterations.

  @Test
  void anExperimentStopsAfterTheCurrentIterationWithItsResults() {
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request) {
            working.countDown();
            await(mayEnd);
          }
        };
    WorkflowStub run =
        service.start("x", ONE_AGENT.replace("\"iterations\": 1", "\"iterations\": 5"));
    await(working);
    assertThat(update(run, "stop-after-iteration")).isEqualTo("iteration 1 is the last one now");
    assertThat(refused(run, "stop-after-iteration"))
        .startsWith("stop-after-iteration is refused: iteration 1 is the last one anyway;");
    mayEnd.countDown();
    ExperimentResult result = result(run);
    assertThat(result.iterations()).extracting(IterationReport::iteration).containsExactly(0, 1);
    assertThat(result.experiment().spec().iterations()).isEqualTo(1);
  }

  @Test
  void anExperimentIsExtendedWithinTheLimit() {
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request) {
            working.countDown();
            await(mayEnd);
          }
        };
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    assertThat(refused(run, "extend", 100))
        .startsWith("extend is refused: its argument is 100, allowed: 1 to 99; allowed now: ");
    assertThat(refused(run, "extend", 0)).contains("its argument is 0");
    assertThat(refused(run, "extend")).contains("its argument is null");
    assertThat(catchThrowable(() -> update(run, "extend", "some")))
        .isInstanceOf(WorkflowUpdateException.class);
    assertThat(update(run, "extend", 2)).isEqualTo("iteration 3 is the last one now");
    mayEnd.countDown();
    ExperimentResult result = result(run);
    assertThat(result.iterations()).hasSize(4);
    assertThat(result.experiment().spec().iterations()).isEqualTo(3);
    assertThat(steps.requests(Recording.Request.class).get(3).experiment().spec().iterations())
        .isEqualTo(3);
  }

  @Test
  void anExperimentIsExtendedOnlyAsFarAsThereAreQuestionsOfItsIterationsOwn() {
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request) {
            working.countDown();
            await(mayEnd);
          } else if (request instanceof ExperimentSpec spec && spec.iterations() > 3) {
            throw FakeSteps.failure(FailureTypes.CONFIG, "the task has 9 questions", 0);
          }
        };
    WorkflowStub run =
        service.start(
            "x", ONE_AGENT.replace("{\"agents\"", "{\"questions\": \"fresh\", \"agents\""));
    await(working);
    assertThat(refused(run, "extend", 3)).isEqualTo("the task has 9 questions");
    assertThat(update(run, "extend", 2)).isEqualTo("iteration 3 is the last one now");
    mayEnd.countDown();
    assertThat(result(run).iterations()).hasSize(4);
    assertThat(steps.requests(FreshQuestions.Request.class))
        .extracting(FreshQuestions.Request::iteration)
        .containsExactly(2, 3);
  }

  @Test
  void whatTrainsNothingHasNothingToRepeat() {
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Vote.Request) {
            working.countDown();
            await(mayEnd);
          }
        };
    WorkflowStub run = service.start("x", "{\"method\": \"base\", \"task\": {\"evaluate\": 2}}");
    await(working);
    assertThat(refused(run, "extend", 1)).startsWith("extend is refused: base trains nothing");
    mayEnd.countDown();
    result(run);
  }

  // What needs attention.

  @ParameterizedTest
  @ValueSource(strings = {"DATA", "CONFIG", "BUG"})
  void whatAPersonHasToMendWaitsForRetryWhileOtherStepsGoOn(String type) {
    Set<Object> mended = ConcurrentHashMap.newKeySet();
    steps.before =
        request -> {
          if (training(Role.CRITIC).test(request) && mended.isEmpty()) {
            throw FakeSteps.failure(type, "the examples are damaged:\n import them again", 0);
          }
        };
    WorkflowStub run = service.start("x", ONE_AGENT);
    service.await(
        "x/iteration-001",
        progress -> progress.phase().equals(Progress.NEEDS_ATTENTION) && progress.unitsDone() == 1);
    Progress whole = awaitParked("x");
    assertThat(whole.parked())
        .containsExactly(
            new ParkedStep(
                "train critic 1 of 1 · 5 examples",
                type,
                "the examples are damaged: import them again",
                "critic 1 keeps its weights"));
    assertThat(steps.trainings(1)).as("no retries").hasSize(2);
    assertThat(details(run))
        .isEqualTo(
            "- phase: NEEDS_ATTENTION, iteration 1 of 1 (workflow x/iteration-001)"
                + "\n- **train critic 1 of 1 · 5 examples** failed ("
                + type
                + "): the examples are damaged: import them again"
                + "\n- mend that, then `retry`; or `skip`: critic 1 keeps its weights; or `abort`,"
                + " which keeps all that is done"
                + "\n- multiagent-ft on arithmetic · built-in · 1 agent, 2 rounds, 1 iteration"
                + "\n- iteration 0: accuracy 0.500 ± 0.100, consensus 0.800");
    for (String id : new String[] {"x", "x/iteration-001"}) {
      SearchAttributes attributes = service.existing(id).describe().getTypedSearchAttributes();
      assertThat(attributes.get(ExperimentSearchAttributes.PHASE)).isEqualTo("NEEDS_ATTENTION");
    }

    mended.add("yes");
    assertThat(update(run, "retry")).isEqualTo("trying again");
    assertThat(result(run).iterations().get(1).weights())
        .containsEntry("critic-1", FakeSteps.checkpoint(Role.CRITIC, 0, 1).sha256());
    assertThat(steps.requests(Recording.Request.class).get(1).skipped()).isEmpty();
  }

  @Test
  void fiveAttemptsWithoutACommitPark() {
    AtomicInteger count = new AtomicInteger();
    steps.before =
        attempts(
            request -> request instanceof Vote.Request,
            count,
            attempt -> {
              if (attempt <= 5) {
                throw FakeSteps.failure("INFRASTRUCTURE", "the network is down", 0);
              }
            });
    WorkflowStub run = service.start("x", UNTUNED);
    Progress parked = awaitParked("x");
    assertThat(parked.parked())
        .containsExactly(
            new ParkedStep("vote for evaluation", "INFRASTRUCTURE", "the network is down", ""));
    assertThat(count).hasValue(5);
    service.pass(Duration.ofDays(1));
    assertThat(count).as("it waits for a person").hasValue(5);
    update(run, "retry");
    assertThat(result(run).iterations()).hasSize(1);
  }

  @Test
  void attemptsThatCommitDoNotCount() {
    AtomicInteger count = new AtomicInteger();
    steps.before =
        attempts(
            training(Role.GENERATOR),
            count,
            attempt -> {
              if (attempt <= 12) {
                throw FakeSteps.failure("INFRASTRUCTURE", "preempted", attempt % 4 == 0 ? 1 : 0);
              }
            });
    assertThat(service.run("x", ONE_AGENT).iterations()).hasSize(2);
    assertThat(count).hasValue(13);
  }

  @Test
  void theLastHeartbeatOfADeadWorkerTellsWhetherItCommitted() {
    for (long commits = 0; commits < 2; commits++) {
      TimeoutFailure timeout =
          new TimeoutFailure(
              "activity", new CommitCount(commits), TimeoutType.TIMEOUT_TYPE_HEARTBEAT);
      assertThat(OperatedSteps.committed(ended(timeout))).isEqualTo(commits > 0);
    }
    assertThat(
            OperatedSteps.committed(
                ended(
                    new TimeoutFailure("activity", null, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE))))
        .isFalse();
  }

  private static ActivityFailure ended(TemporalFailure reason) {
    return new ActivityFailure("failed", 1, 2, "debate", "id", null, "worker", reason);
  }

  @Test
  void oneOfSeveralStepsIsTriedAgainByItsName() {
    Set<Role> mended = ConcurrentHashMap.newKeySet();
    steps.before =
        request -> {
          if (request instanceof Train.Request train && !mended.contains(train.role())) {
            throw FakeSteps.failure("DATA", "damaged", 0);
          }
        };
    WorkflowStub run = service.start("x", ONE_AGENT);
    service.await("x", progress -> progress.parked().size() == 2);
    assertThat(refused(run, "retry", "train nobody"))
        .startsWith(
            "retry is refused: no step that needs attention is called \"train nobody\", only"
                + " \"train generator 1 of 1 · 5 examples\", \"train critic 1 of 1 · 5 examples\";");
    mended.add(Role.GENERATOR);
    update(run, "retry", "train generator 1 of 1 · 5 examples");
    service.await("x", progress -> progress.parked().size() == 1);
    assertThat(steps.trainings(1)).hasSize(3);
    mended.add(Role.CRITIC);
    update(service.existing("x/iteration-001"), "retry");
    assertThat(result(run).iterations()).hasSize(2);
    assertThat(steps.trainings(1)).hasSize(4);
  }

  @Test
  void whatIsTriedAgainWhilePausedWaitsForResume() {
    AtomicInteger count = new AtomicInteger();
    steps.before =
        attempts(
            training(Role.CRITIC),
            count,
            attempt -> {
              if (attempt == 1) {
                throw FakeSteps.failure("DATA", "damaged", 0);
              }
            });
    WorkflowStub run = service.start("x", ONE_AGENT);
    awaitParked("x");
    update(run, "pause");
    awaitPhase("x/iteration-001", Progress.PAUSED);
    assertThat(update(run, "retry")).isEqualTo("tried again after resume");
    service.await("x", progress -> progress.parked().isEmpty());
    assertThat(count).hasValue(1);
    update(run, "resume");
    result(run);
    assertThat(count).hasValue(2);
  }

  // Skip.

  @Test
  void aModelWhoseTrainingIsSkippedKeepsItsWeights() {
    steps.trainingParts.put("critic-1", 2);
    AtomicInteger count = new AtomicInteger();
    steps.before =
        attempts(
            training(Role.CRITIC),
            count,
            attempt -> {
              if (attempt == 2) {
                throw FakeSteps.failure("DATA", "damaged", 0);
              }
            });
    WorkflowStub run = service.start("x", ONE_AGENT);
    awaitParked("x");
    assertThat(update(run, "skip")).isEqualTo("critic 1 keeps its weights");
    assertThat(result(run).iterations().get(1).weights())
        .containsEntry("generator-1", FakeSteps.checkpoint(Role.GENERATOR, 0, 1).sha256())
        .containsEntry("critic-1", FakeSteps.BASE.sha256());
    Recording.Request record = steps.requests(Recording.Request.class).get(1);
    assertThat(record.trainings())
        .extracting(Recording.Training::role)
        .containsExactly(Role.GENERATOR);
    assertThat(record.skipped()).containsExactly("critic 1 keeps its weights");
    assertThat(details(service.existing("x/iteration-001")))
        .contains("- skipped: critic 1 keeps its weights");
  }

  @Test
  void aRangeWhoseDebateIsSkippedStaysUnlabelled() {
    AtomicInteger count = new AtomicInteger();
    steps.before =
        attempts(
            debate(Purpose.FINETUNE, 0),
            count,
            attempt -> {
              throw FakeSteps.failure("DATA", "damaged", 0);
            });
    WorkflowStub run = service.start("x", TWO_RANGES);
    service.await("x", progress -> progress.parked().size() == 2);
    // Both agents' turns are of one range: one is of no use without the other.
    assertThat(update(run, "skip", "round 1 · agent 1 of 2 · questions 1-2"))
        .isEqualTo("questions 1-2 stay unlabelled");
    result(run);
    assertThat(count).hasValue(2);
    Vote.Request vote = steps.requests(Vote.Request.class).get(1);
    assertThat(vote.purpose()).isEqualTo(Purpose.FINETUNE);
    for (int agent = 0; agent < 2; agent++) {
      assertThat(vote.answers().get(agent))
          .containsExactly(FakeSteps.answers(Purpose.FINETUNE, 1, 2, agent, 2));
    }
    Split.Request split = steps.requests(Split.Request.class).get(0);
    assertThat(split.answers().get(0).get(0))
        .containsExactly(FakeSteps.answers(Purpose.FINETUNE, 1, 1, 0, 2));
    assertThat(steps.requests(Recording.Request.class).get(1).skipped())
        .containsExactly("questions 1-2 stay unlabelled");
  }

  @Test
  void whereEveryRangeIsSkippedNobodyIsTrained() {
    steps.before =
        request -> {
          if (request instanceof Debate.Request debate && debate.purpose() == Purpose.FINETUNE) {
            throw FakeSteps.failure("DATA", "damaged", 0);
          }
        };
    WorkflowStub run = service.start("x", TWO_RANGES);
    service.await("x", progress -> progress.parked().size() == 4);
    update(run, "skip");
    assertThat(result(run).iterations().get(1).weights().values())
        .containsOnly(FakeSteps.BASE.sha256());
    assertThat(steps.trainings(1)).isEmpty();
    assertThat(steps.requests(Recording.Request.class).get(1).labels()).isNull();
  }

  @Test
  void whatTheMethodCannotDoWithoutIsNotSkipped() {
    Set<Object> mended = ConcurrentHashMap.newKeySet();
    steps.before =
        request -> {
          if (((request instanceof Vote.Request vote && vote.purpose() == Purpose.EVALUATE)
                  || debate(Purpose.EVALUATE, 0).test(request))
              && mended.add(request)) {
            throw FakeSteps.failure("DATA", "damaged", 0);
          }
        };
    WorkflowStub run = service.start("x", UNTUNED);
    awaitParked("x");
    assertThat(refused(run, "skip"))
        .isEqualTo(
            "skip is refused: \"evaluation · round 1 · agent 1 of 1 · questions 1-2\" cannot be"
                + " skipped, only a training or a debate on finetuning questions can: mend what it"
                + " says and retry; allowed now: pause, extend, retry, skip, recompute, abort");
    update(run, "retry");
    service.await(
        "x",
        progress -> progress.parked().stream().anyMatch(each -> each.step().contains("round 2")));
    update(run, "retry");
    service.await(
        "x",
        progress ->
            progress.parked().stream().anyMatch(each -> each.step().equals("vote for evaluation")));
    assertThat(refused(service.existing("x/iteration-000"), "skip"))
        .startsWith("skip is refused: \"vote for evaluation\" cannot be skipped");
    update(run, "retry");
    assertThat(result(run).iterations()).hasSize(1);
  }

  // Recompute.

  @Test
  void aStepIsSetAsideAndTheExperimentGoesThroughItsIterationsAgain() {
    steps.finished.add(KEY);
    CountDownLatch working = new CountDownLatch(2);
    AtomicInteger begun = holdFirst(2, TRAINING, working);
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    assertThat(refused(run, "recompute", "vote"))
        .startsWith("recompute is refused: its argument is vote, allowed: a step's key");
    assertThat(refused(run, "recompute", KEY.replace('0', '1')))
        .isEqualTo("there is no finished step " + KEY.replace('0', '1'));
    assertThat(update(run, "recompute", KEY))
        .isEqualTo("vote is set aside: what is missing is computed now, from iteration 0 on");
    stops("x/iteration-001");
    assertThat(result(run).iterations())
        .extracting(IterationReport::iteration)
        .containsExactly(0, 1);
    assertThat(steps.finished).isEmpty();
    assertThat(steps.requests(Recording.Request.class))
        .extracting(Recording.Request::iteration)
        .containsExactly(0, 0, 1);
    assertThat(begun).as("stopped, then again").hasValue(4);
  }

  // Abort.

  @Test
  void anAbortedExperimentCommitsAndFailsAndGoesOnWhenItIsStartedAgain() {
    CountDownLatch working = new CountDownLatch(2);
    CountDownLatch stopped = new CountDownLatch(2);
    holdFirst(
        2,
        TRAINING,
        working,
        () -> {
          try {
            steps.workUntilStopped();
          } finally {
            stopped.countDown();
          }
        });
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    assertThat(update(run, "abort", "the disk\nis full")).startsWith("aborting");
    stops("x/iteration-001");
    ApplicationFailure failure = failure(run);
    assertThat(stopped.getCount()).as("steps stop before it ends").isZero();
    assertThat(failure.getType()).isEqualTo("ABORTED");
    assertThat(failure.getOriginalMessage()).isEqualTo("aborted by an operator: the disk is full");
    assertThat(service.run("x", ONE_AGENT).iterations()).hasSize(2);
  }

  @Test
  void abortingAnIterationAbortsItsExperiment() {
    steps.before =
        request -> {
          if (training(Role.GENERATOR).test(request)) {
            throw FakeSteps.failure("DATA", "damaged", 0);
          }
        };
    WorkflowStub run = service.start("x", ONE_AGENT);
    awaitParked("x");
    update(service.existing("x/iteration-001"), "abort");
    ApplicationFailure failure = failure(run);
    assertThat(failure.getType()).isEqualTo("ABORTED");
    assertThat(failure.getOriginalMessage()).isEqualTo("aborted by an operator");
  }

  @Test
  void aPausedExperimentCanBeAborted() {
    CountDownLatch working = new CountDownLatch(2);
    holdFirst(2, TRAINING, working);
    WorkflowStub run = service.start("x", ONE_AGENT);
    await(working);
    update(run, "pause");
    stops("x/iteration-001");
    awaitPhase("x/iteration-001", Progress.PAUSED);
    update(run, "abort", "enough");
    assertThat(failure(run).getOriginalMessage()).isEqualTo("aborted by an operator: enough");
  }

  // Rules.

  @Test
  void whatDoesNotApplyIsRejectedWithWhatDoes() {
    CountDownLatch resolving = new CountDownLatch(1);
    CountDownLatch mayResolve = new CountDownLatch(1);
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof ExperimentSpec) {
            resolving.countDown();
            await(mayResolve);
          } else if (request instanceof Split.Request) {
            working.countDown();
            await(mayEnd);
          }
        };
    WorkflowStub run =
        service.start("x", ONE_AGENT.replace("\"iterations\": 1", "\"iterations\": 2"));
    await(resolving);
    assertThat(refused(run, "pause"))
        .isEqualTo("pause is refused: the spec is still being resolved; allowed now: abort");
    mayResolve.countDown();
    await(working);
    String allowed = "; allowed now: pause, stop-after-iteration, extend, recompute, abort";
    assertThat(refused(run, "resume"))
        .isEqualTo("resume is refused: the experiment is not paused" + allowed);
    assertThat(refused(run, "retry"))
        .isEqualTo("retry is refused: nothing needs attention" + allowed);
    assertThat(refused(run, "skip"))
        .isEqualTo("skip is refused: nothing needs attention" + allowed);
    WorkflowStub iteration = service.existing("x/iteration-001");
    assertThat(refused(iteration, "resume"))
        .isEqualTo("resume is refused: the iteration is not paused; allowed now: pause, abort");
    update(run, "stop-after-iteration");
    mayEnd.countDown();
    result(run);
  }

  @Test
  void theUserInterfaceOffersTheUpdatesWithTheirDescriptions() {
    WorkflowStub run = service.start("x", UNTUNED);
    result(run);
    assertThat(
            run.query("__temporal_workflow_metadata", WorkflowMetadata.class)
                .getDefinition()
                .getUpdateDefinitionsList())
        .allSatisfy(each -> assertThat(each.getDescription()).isNotEmpty())
        .extracting(each -> each.getName())
        .containsExactlyInAnyOrder(
            "pause",
            "resume",
            "stop-after-iteration",
            "extend",
            "retry",
            "skip",
            "recompute",
            "abort");
  }

  @Test
  void experimentsAndIterationsAreFoundByWhatTheyAreAndCameTo() {
    WorkflowStub run = service.start("x", ONE_AGENT);
    result(run);
    for (String id : new String[] {"x", "x/iteration-001"}) {
      SearchAttributes attributes = service.existing(id).describe().getTypedSearchAttributes();
      assertThat(attributes.get(ExperimentSearchAttributes.EXPERIMENT)).isEqualTo("x");
      assertThat(attributes.get(ExperimentSearchAttributes.METHOD)).isEqualTo("multiagent-ft");
      assertThat(attributes.get(ExperimentSearchAttributes.TASK)).isEqualTo("arithmetic");
      assertThat(attributes.get(ExperimentSearchAttributes.BASE_MODEL)).isEqualTo("built-in");
      assertThat(attributes.get(ExperimentSearchAttributes.ITERATION)).isEqualTo(1);
      assertThat(attributes.get(ExperimentSearchAttributes.PHASE)).isEqualTo("done");
      assertThat(attributes.get(ExperimentSearchAttributes.ACCURACY)).isEqualTo(0.6);
      assertThat(attributes.get(ExperimentSearchAttributes.DIVERSITY)).isEqualTo(1 - 0.8);
    }
  }

  @Test
  void experimentsShareTheQueuesFairly() {
    String name = "a-long-name-" + "x".repeat(70) + "-and-its-end";
    service.run(name, UNTUNED);
    assertThat(
            service.history(name).getEvents().stream()
                .filter(
                    event ->
                        event.getEventType()
                            == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
                .map(
                    event ->
                        event
                            .getStartChildWorkflowExecutionInitiatedEventAttributes()
                            .getPriority()
                            .getFairnessKey()))
        .singleElement()
        .asString()
        .hasSize(64)
        .endsWith("-and-its-end");
  }

  // Nobody there.

  @ParameterizedTest
  @ValueSource(strings = {"DATA", "INFRASTRUCTURE"})
  void whereNobodyCouldMendItTheExperimentEndsWithWhatTheStepSaid(String type) {
    steps.before =
        request -> {
          if (training(Role.GENERATOR).test(request)) {
            throw FakeSteps.failure(type, "the cable is out", 0);
          }
        };
    ApplicationFailure failure = failure(service.startUnattended("x", ONE_AGENT));
    assertThat(failure.getType()).isEqualTo(type);
    assertThat(failure.getOriginalMessage()).isEqualTo("the cable is out");
    assertThat(steps.trainings(1))
        .filteredOn(training -> training.role() == Role.GENERATOR)
        .hasSize(type.equals("DATA") ? 1 : 5);
  }
}
