package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What whoever started an experiment is told, and when. */
@Timeout(120)
class NoticesTest {
  private static final String SMALL =
      "{\"agents\": 1, \"iterations\": 1, \"task\": {\"train\": 2, \"evaluate\": 2}}";

  private final FakeSteps steps = new FakeSteps();
  private final TestService service = new TestService(steps);

  @AfterEach
  void close() {
    service.close();
  }

  private List<Notice> notices() {
    return steps.requests(Notice.class);
  }

  private Notice only() {
    assertThat(notices()).hasSize(1);
    return notices().get(0);
  }

  private static Throwable failure(WorkflowStub workflow) {
    Throwable failure = catchThrowable(() -> workflow.getResult(Object.class));
    assertThat(failure).isInstanceOf(WorkflowFailedException.class);
    return failure;
  }

  /** Trainings fail so often with data that a person must mend. */
  private void trainingsFail(int times) {
    AtomicInteger attempts = new AtomicInteger();
    steps.before =
        request -> {
          if (request instanceof Train.Request training
              && training.role() == Role.GENERATOR
              && attempts.incrementAndGet() <= times) {
            throw FakeSteps.failure(FailureTypes.DATA, "the examples are damaged", 0);
          }
        };
  }

  @Test
  void theEndIsToldWithItsNumbersBeforeTheHistoryIsKept() {
    service.run("x", SMALL);
    Notice notice = only();
    assertThat(notice)
        .isEqualTo(
            new Notice(
                notice.key(),
                "done",
                "x",
                "done",
                1,
                1,
                0.6,
                0.1,
                "iteration 1: accuracy 0.600 ± 0.100, consensus 0.800"));
    assertThat(notice.key()).matches("[0-9a-f-]{36}/done");
    List<Object> requests = steps.requests;
    assertThat(requests.get(requests.size() - 1)).isInstanceOf(FakeSteps.Exported.class);
  }

  @Test
  void everyRunHasKeysOfItsOwn() {
    service.run("x", SMALL);
    service.run("x", SMALL);
    assertThat(notices()).extracting(Notice::key).doesNotHaveDuplicates().hasSize(2);
  }

  @Test
  void aFailureIsToldWithItsReason() {
    trainingsFail(1000);
    failure(service.startUnattended("x", SMALL));
    assertThat(only().event()).isEqualTo("failed");
    assertThat(only().message()).isEqualTo("the examples are damaged");
    assertThat(only().accuracy()).as("of the untuned society").isEqualTo(0.5);
  }

  @Test
  void aRefusedSpecIsAFailure() {
    failure(service.start("x", "{\"agents\": 99}"));
    assertThat(only().event()).isEqualTo("failed");
    assertThat(only().message()).contains("agents");
    assertThat(only().iteration()).isNull();
    assertThat(only().accuracy()).isNull();
  }

  @Test
  void whatAnOperatorEndsIsNoFailure() throws InterruptedException {
    CountDownLatch splitting = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request) {
            splitting.countDown();
            steps.workUntilStopped();
          }
        };
    steps.mayStop.countDown();
    WorkflowStub aborted = service.start("x", SMALL);
    assertThat(splitting.await(60, TimeUnit.SECONDS)).isTrue();
    aborted.update("abort", String.class, "enough");
    failure(aborted);
    assertThat(only().event()).isEqualTo("aborted");
    assertThat(only().message()).isEqualTo("aborted by an operator: enough");
  }

  @Test
  void oneThatIsCancelledIsToldAsWell() throws InterruptedException {
    CountDownLatch splitting = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Split.Request) {
            splitting.countDown();
            steps.workUntilStopped();
          }
        };
    steps.mayStop.countDown();
    WorkflowStub cancelled = service.start("x", SMALL);
    assertThat(splitting.await(60, TimeUnit.SECONDS)).isTrue();
    cancelled.cancel();
    failure(cancelled);
    assertThat(only().event()).isEqualTo("cancelled");
  }

  @Test
  void aParkedStepIsToldOncePerParking() {
    trainingsFail(2);
    WorkflowStub workflow = service.start("x", SMALL);
    service.await("x", progress -> !progress.parked().isEmpty());
    service.pass(Duration.ofMinutes(30));
    assertThat(only().event()).isEqualTo("needs-attention");
    assertThat(only().phase()).isEqualTo(Progress.NEEDS_ATTENTION);
    assertThat(only().iteration()).isEqualTo(1);
    assertThat(only().message())
        .isEqualTo("train generator 1 of 1 · 5 examples: the examples are damaged");

    workflow.update("retry", String.class);
    service.await("x", progress -> notices().size() == 2);
    workflow.update("retry", String.class);
    workflow.getResult(ExperimentResult.class);
    assertThat(notices())
        .extracting(notice -> notice.key().replaceFirst(".*/", ""))
        .containsExactly("needs-attention-1", "needs-attention-2", "done");
  }

  @Test
  void retriesThatPassBeforeAStepIsParkedAreNobodysBusiness() {
    AtomicInteger attempts = new AtomicInteger();
    steps.before =
        request -> {
          if (request instanceof Vote.Request && attempts.incrementAndGet() <= 3) {
            throw FakeSteps.failure(FailureTypes.INFRASTRUCTURE, "the disk is full", 0);
          }
        };
    service.run("x", SMALL);
    assertThat(only().event()).isEqualTo("done");
  }

  @Test
  void nobodyNeedsToListen() {
    AtomicInteger attempts = new AtomicInteger();
    steps.before =
        request -> {
          if (request instanceof Notice) {
            attempts.incrementAndGet();
            throw FakeSteps.failure(FailureTypes.INFRASTRUCTURE, "the webhook is gone", 0);
          }
        };
    assertThat(service.run("x", SMALL).iterations()).hasSize(2);
    assertThat(attempts).hasValue(3);
  }

  @Test
  void aComparisonTellsItsOwnEndAfterThoseOfItsExperiments() {
    service
        .startComparison(
            "all",
            "{\"methods\": [\"debate\"], \"seeds\": [0, 1], \"common\": {\"task\": {\"train\": 2,"
                + " \"evaluate\": 2}}}")
        .getResult(ComparisonResult.class);
    assertThat(notices()).extracting(Notice::event).containsExactly("done", "done", "done");
    Notice last = notices().get(2);
    assertThat(last.experiment()).isEqualTo("all");
    assertThat(last.message()).isEqualTo("2 experiments are compared");
  }

  @Test
  void aComparisonThatFailsSaysWhy() {
    failure(service.startComparison("all", "{\"comparison\": \"another\"}"));
    assertThat(only().event()).isEqualTo("failed");
    assertThat(only().experiment()).isEqualTo("all");
    assertThat(only().message()).contains("comparison is \"another\"");
  }
}
