package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.api.enums.v1.EventType;
import io.temporal.api.sdk.v1.WorkflowMetadata;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Comparisons as a whole: which experiments they run, in which order, and how they fail. */
@Timeout(120)
class MethodComparisonTest {
  private static final String SMALL =
      "\"common\": {\"task\": {\"train\": 2, \"evaluate\": 2}, \"iterations\": 1}";

  private final FakeSteps steps = new FakeSteps();
  private final TestService service = new TestService(steps);

  @AfterEach
  void close() {
    service.close();
  }

  private ComparisonResult run(String name, String json) {
    return service.startComparison(name, json).getResult(ComparisonResult.class);
  }

  private ApplicationFailure failure(String name, String json) {
    Throwable failed = catchThrowable(() -> run(name, json));
    assertThat(failed).isInstanceOf(WorkflowFailedException.class);
    assertThat(failed.getCause()).isInstanceOf(ApplicationFailure.class);
    return (ApplicationFailure) failed.getCause();
  }

  /** What the Web UI shows. */
  private String details(String name) {
    return service
        .existing(name)
        .query("__temporal_workflow_metadata", WorkflowMetadata.class)
        .getCurrentDetails();
  }

  private List<String> begun() {
    return steps.requests(ExperimentSpec.class).stream()
        .map(each -> each.method() + " " + each.seed())
        .toList();
  }

  @Test
  void everyMethodRunsWithEverySeedAndIsCompared() {
    ComparisonResult result =
        run(
            "mine",
            "{\"methods\": [\"debate\", \"multiagent-ft\"], \"seeds\": [4, 5], " + SMALL + "}");
    assertThat(result.comparison()).isEqualTo("mine");
    assertThat(begun())
        .containsExactlyInAnyOrder("debate 4", "multiagent-ft 4", "debate 5", "multiagent-ft 5");
    assertThat(result.experiments())
        .extracting(ComparisonResult.Compared::iterations)
        .containsExactly(0, 1, 0, 1);
    assertThat(result.experiments())
        .allSatisfy(
            each ->
                assertThat(each.experiment()).matches("(debate|multiagent-ft)-arithmetic-seed.*"));
    assertThat(steps.requests).contains(result.experiments());
    assertThat(result.rows()).hasSize(1);
    assertThat(details("mine"))
        .contains("4 of 4 experiments are through")
        .contains("arithmetic, built-in: **debate** 0.500 ± 0.100, rank 1");
    assertThat(result.computedSteps()).isPositive();
  }

  @Test
  void nothingAtAllComparesTheMethodsOfTheFirstTable() {
    steps.questionsPerUnit = 500;
    assertThat(run("table", "null").experiments()).hasSize(18);
    assertThat(begun().stream().map(each -> each.replaceAll(" .*", "")).distinct())
        .containsExactlyInAnyOrderElementsOf(ComparisonSpec.METHODS);
  }

  @Test
  void experimentsThatShareStepsRunOneAfterTheOther() {
    Set<Long> running = ConcurrentHashMap.newKeySet();
    Set<Long> together = ConcurrentHashMap.newKeySet();
    steps.before =
        request -> {
          if (request instanceof ExperimentSpec spec && !running.add(spec.seed())) {
            together.add(spec.seed());
          }
        };
    steps.after =
        request -> {
          if (request instanceof Recording.Request record) {
            running.remove(record.experiment().spec().seed());
          }
        };
    run(
        "x",
        "{\"methods\": [\"base\", \"majority\", \"debate\"], \"seeds\": [1, 2], " + SMALL + "}");
    assertThat(together).isEmpty();
  }

  @Test
  void anExperimentThatFailsDoesNotStopTheOthersAndIsNamed() {
    steps.before =
        request -> {
          if (request instanceof ExperimentSpec spec && spec.method().equals("majority")) {
            throw ApplicationFailure.newNonRetryableFailure(
                "the questions are damaged", FailureTypes.DATA);
          }
        };
    ApplicationFailure failure =
        failure(
            "x",
            "{\"methods\": [\"base\", \"majority\", \"debate\"], \"seeds\": [1], " + SMALL + "}");
    assertThat(failure.getType()).isEqualTo(FailureTypes.DATA);
    assertThat(failure.getOriginalMessage())
        .contains("1 of 3 experiments failed, such as majority-arithmetic-seed1")
        .contains("the questions are damaged")
        .contains("start the comparison again");
    assertThat(begun()).contains("debate 1");
  }

  @Test
  void anExperimentThatSomebodyElseRunsIsWaitedFor() throws Exception {
    String spec =
        "{\"method\": \"debate\", \"seed\": 1, \"task\": {\"train\": 2, \"evaluate\": 2}}";
    String name =
        ExperimentNames.derive(
            SpecDefaults.complete(PolyphonyDataConverter.parse(spec), ModelDefaults.NONE));
    CountDownLatch goOn = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof Debate.Request) {
            try {
              goOn.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    WorkflowStub other = service.start(name, spec);
    WorkflowStub comparison =
        service.startComparison("x", "{\"methods\": [\"debate\"], \"seeds\": [1], " + SMALL + "}");
    service.awaitEvent("x", EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED);
    goOn.countDown();
    other.getResult(ExperimentResult.class);
    assertThat(comparison.getResult(ComparisonResult.class).experiments())
        .containsExactly(new ComparisonResult.Compared(name, 0));
    // Once by its own starter, once by the comparison.
    assertThat(begun()).containsExactly("debate 1", "debate 1");
  }

  @Test
  void theQueryTellsWhatIsThroughAndWhatIsRunning() {
    CountDownLatch reached = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    steps.before =
        request -> {
          if (request instanceof ExperimentSpec spec && spec.method().equals("debate")) {
            reached.countDown();
            try {
              goOn.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    WorkflowStub comparison =
        service.startComparison(
            "x", "{\"methods\": [\"base\", \"debate\"], \"seeds\": [3], " + SMALL + "}");
    try {
      reached.await();
      ComparisonProgress progress = comparison.query("progress", ComparisonProgress.class);
      assertThat(progress.experiments()).isEqualTo(2);
      assertThat(progress.finished())
          .singleElement()
          .satisfies(each -> assertThat(each.experiment()).startsWith("base-"));
      assertThat(progress.running())
          .singleElement()
          .satisfies(each -> assertThat(each).startsWith("debate-"));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      goOn.countDown();
    }
    comparison.getResult(ComparisonResult.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{\"methods\": [\"nonsense\"]} | methods[0]: method is \"nonsense\", allowed: base",
        "{\"methods\": []} | methods is empty",
        "{\"methods\": [\"base\", \"base\"]} | methods[1] repeats methods[0]",
        "{\"seeds\": [1, 1]} | seeds[1] repeats seeds[0]",
        "{\"seeds\": [-1]} | methods[0]: seed is -1",
        "{\"common\": {\"seed\": 1}} | common.seed is set, allowed: leaving it out",
        "{\"common\": {\"method\": \"base\"}} | common.method is set",
        "{\"common\": {\"experiment\": \"x\"}} | common.experiment is set",
        "{\"methods\": [{\"experiment\": \"x\"}]} | methods[0].experiment is set",
        "{\"methods\": [{\"seed\": 1}]} | methods[0].seed is set",
        "{\"tasks\": [\"arithmetic\"], \"common\": {\"task\": \"gsm8k\"}} | common.task.name is set",
        "{\"baseModels\": [\"a\"], \"common\": {\"baseModel\": \"b\"}} | common.baseModel is set",
        "{\"methods\": [\"debate\", {\"method\": \"debate\", \"agents\": 3}]}"
            + " | come to the same experiment debate-arithmetic-seed0-",
        "{\"comparison\": \"other\"} | but the workflow id, which is its name, is \"x\"",
        "{\"method\": [\"base\"]} | method is not a field, allowed: baseModels, common, comparison",
        "{\"methods\": [{\"agent\": 3}]} | agent is not a field",
        "{\"methods\": [7]} | must be a JSON object or a method's name in quotes"
      })
  void aSpecThatCannotBeRunEndsAtOnce(String json, String line) {
    assertThat(failure("x", json).getOriginalMessage()).contains(line);
    assertThat(steps.requests(ExperimentSpec.class)).isEmpty();
  }

  @Test
  void itsExperimentsAreNeitherForecastNorReportedOnBesideIt() {
    run(
        "c",
        "{\"methods\": [\"debate\", \"multiagent-ft\"], \"seeds\": [0], \"common\":"
            + " {\"task\": {\"train\": 2, \"evaluate\": 2}, \"agents\": 2, \"iterations\": 1}}");
    assertThat(steps.requests(FakeSteps.Forecasting.class)).isEmpty();
    assertThat(steps.requests(FakeSteps.ReportOf.class))
        .containsExactly(new FakeSteps.ReportOf("c"));
  }
}
