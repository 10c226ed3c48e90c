package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.temporal.client.WorkflowFailedException;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.WorkflowReplayer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

  /**
   * A recorded run.
   *
   * @param name also the experiment's
   * @param iterations how many of its iterations are kept
   */
  private record Recorded(String name, String spec, int iterations) {
    Stream<String> workflows() {
      Stream<String> children =
          Stream.iterate(0, i -> i + 1)
              .limit(iterations)
              .map(i -> ExperimentNames.iteration(name, i));
      return Stream.concat(Stream.of(name), children);
    }
  }

  private static final List<Recorded> RUNS =
      List.of(
          new Recorded("multiagent-ft", "{\"iterations\": 1, " + SMALL + "}", 2),
          new Recorded(
              "multiagent-ft-no-critic",
              "{\"method\": \"multiagent-ft-no-critic\", \"iterations\": 1, " + SMALL + "}",
              2),
          new Recorded(
              "single-agent-ft",
              "{\"method\": \"single-agent-ft\", \"iterations\": 1, " + SMALL + "}",
              2),
          new Recorded("base", "{\"method\": \"base\", \"task\": {\"evaluate\": 4}}", 1),
          new Recorded("failing", "{\"iterations\": 1, \"seed\": 13, " + SMALL + "}", 2),
          new Recorded("refused", "{\"agents\": 99}", 0));

  static Stream<String> workflows() {
    return RUNS.stream().flatMap(Recorded::workflows);
  }

  /** What happens in these runs beside the ordinary. */
  private static FakeSteps steps() {
    FakeSteps steps = new FakeSteps();
    steps.exampleCounts.put("generator-2", 0);
    steps.trainingParts.put("generator-1", 2);
    steps.before =
        request -> {
          if (request instanceof Train.Request train && train.seed() == 13) {
            throw ApplicationFailure.newFailure("the examples are damaged", FailureTypes.DATA);
          }
        };
    return steps;
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
    WorkflowReplayer.replayWorkflowExecution(
        WorkflowExecutionHistory.fromJson(json, workflow),
        MultiagentFinetuningImpl.class,
        FinetuningIterationImpl.class);
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

  private static void record(String workflow) throws IOException {
    Recorded run =
        RUNS.stream()
            .filter(candidate -> candidate.workflows().anyMatch(workflow::equals))
            .findAny()
            .orElseThrow();
    Files.createDirectories(HISTORIES);
    try (TestService service = new TestService(steps())) {
      try {
        service.run(run.name(), run.spec());
      } catch (WorkflowFailedException expected) {
        assertThat(run.name()).isIn("failing", "refused");
      }
      Files.writeString(HISTORIES.resolve(file(workflow)), service.history(workflow).toJson(true));
    }
  }
}
