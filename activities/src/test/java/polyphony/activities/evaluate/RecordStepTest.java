package polyphony.activities.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.StoreInFolder;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.CanonicalJson;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.StepOutcome;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.Society;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Split;
import polyphony.workflows.StepReport;
import polyphony.workflows.Vote;

class RecordStepTest {
  @TempDir Path temporary;

  private StoreInFolder store;
  private RecordStep record;
  private ArtifactRef base;
  private ArtifactRef tuned;

  @BeforeEach
  void aStore() {
    store = new StoreInFolder(temporary);
    record = new RecordStep(store.checkpoints, store.store);
    base = store.model(1);
    tuned = store.model(2);
  }

  private static Measurement measurement(int index, boolean correct, boolean parsed) {
    return measurement(index, correct, parsed, 0);
  }

  private static Measurement measurement(
      int index, boolean correct, boolean parsed, int undecided) {
    Divergences sums =
        new Divergences(
            List.of(2, 2), List.of(List.of(0.0, 1.0), List.of(1.0, 0.0)), List.of(2.0, 2.0));
    return new Measurement(
        index,
        "q" + index,
        parsed ? "1" : null,
        correct,
        0.5,
        List.of(correct, false),
        List.of(correct, correct),
        List.of(parsed, parsed),
        List.of(1.0, 3.0),
        sums,
        sums,
        0.25,
        1,
        undecided);
  }

  private Recording.Request request(double seconds, boolean reused) {
    ArtifactRef questions =
        store.lines(
            List.of(
                new Question("t0", "?", "1"),
                new Question("t1", "?", "2"),
                new Question("t2", "?", "3")));
    ArtifactRef labels =
        store.lines(
            List.of(
                new Label(0, "t0", "1", List.of("1", "1"), 2, false),
                new Label(1, "t1", "7", List.of("7", "7"), 2, false),
                new Label(2, "t2", null, Arrays.asList(null, null), 0, false)));
    StepReport step = new StepReport("ab", reused, seconds);
    ExperimentSpec spec = SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE);
    return new Recording.Request(
        new Experiment(
            "trial",
            spec,
            base,
            questions,
            questions,
            questions,
            new Experiment.BatchPlan(250, 125),
            Map.of()),
        3,
        List.of(
            store.lines(List.of(measurement(2, false, false), measurement(3, true, true))),
            store.lines(List.of(measurement(0, true, true), measurement(1, true, true)))),
        new Vote.Result(labels, 4, 3, 0, step),
        new Vote.Result(labels, 3, 2, 0, step),
        new Split.Result(
            List.of(
                new Split.TrainingSet(Role.GENERATOR, 0, labels, 5, 0, 0, ""),
                new Split.TrainingSet(Role.GENERATOR, 1, labels, 6, 0, 0, ""),
                new Split.TrainingSet(Role.CRITIC, 0, labels, 7, 3, 4, "")),
            step),
        List.of(),
        new Society(List.of(tuned, tuned), List.of(base, tuned)),
        List.of());
  }

  private StepOutcome<IterationReport> run(Recording.Request timed) throws Exception {
    Recording.Request request = RecordStep.withoutTimings(timed);
    return store.steps.run(
        new Step(RecordStep.NAME, RecordStep.VERSION, request),
        IterationReport.class,
        attempt -> record.run(request, attempt));
  }

  @Test
  void unreadableAnswersCountAsWrong() throws Exception {
    IterationReport report = run(request(1, false)).result().orElseThrow();
    assertThat(report.questions()).isEqualTo(4);
    assertThat(report.accuracy()).isEqualTo(0.75);
    assertThat(report.standardError()).isCloseTo(Math.sqrt(0.75 * 0.25 / 4), within(1e-15));
    assertThat(report.firstRoundAccuracy()).isEqualTo(0.375);
  }

  @Test
  void everyMeasureIsFilledIn() throws Exception {
    IterationReport report = run(request(1, false)).result().orElseThrow();
    assertThat(report.iteration()).isEqualTo(3);
    assertThat(report.consensus()).isEqualTo(0.5);
    assertThat(report.likelihood()).isEqualTo(1.0);
    assertThat(report.klBetweenAgents()).isEqualTo(0.5);
    assertThat(report.klToBase()).isEqualTo(1.0);
    assertThat(report.embeddingDissimilarity()).isEqualTo(0.25);
    assertThat(report.labelPrecision()).isEqualTo(0.5);
    assertThat(report.labelled()).isEqualTo(2);
    assertThat(report.generatorExamples()).containsExactly(5, 6);
    assertThat(report.criticExamples()).containsExactly(7);
    assertThat(report.weights())
        .containsOnlyKeys("generator-1", "generator-2", "critic-1", "critic-2")
        .containsEntry("critic-1", store.checkpoints.weightsSha256(base))
        .containsEntry("generator-1", store.checkpoints.weightsSha256(tuned));
  }

  @Test
  void labelsAreHeldAgainstTheIterationsOwnQuestions() throws Exception {
    Recording.Request request = request(1, false);
    ArtifactRef own =
        store.lines(
            List.of(
                new Question("t0", "?", "8"),
                new Question("t1", "?", "9"),
                new Question("t2", "?", "3")));
    Recording.Request fresh =
        new Recording.Request(
            request.experiment(),
            3,
            request.measurements(),
            request.evaluation(),
            request.labels(),
            request.split(),
            request.trainings(),
            request.society(),
            request.skipped(),
            own);
    assertThat(run(fresh).result().orElseThrow().labelPrecision()).isZero();
    assertThat(RecordStep.withoutTimings(fresh).trainQuestions()).isEqualTo(own);
    assertThat(new String(CanonicalJson.bytes(request), StandardCharsets.UTF_8))
        .as("so that records of earlier versions are found")
        .doesNotContain("\"evaluatePrompts\"");
  }

  @Test
  void labelsAreGradedAsTheTaskThatIsFinetunedOn() throws Exception {
    Recording.Request request = request(1, false);
    Experiment own = request.experiment();
    Experiment transfer =
        new Experiment(
            own.name(),
            SpecDefaults.complete(
                PolyphonyDataConverter.parse(
                    "{\"evaluateOn\": {\"name\": \"mmlu\", \"answers\": \"choice-1\"}}"),
                ModelDefaults.NONE),
            own.base(),
            own.trainQuestions(),
            own.evaluateQuestions(),
            own.prompts(),
            own.plan(),
            own.versions());
    // To arithmetic this is the same answer, to multiple choice it is another one.
    ArtifactRef questions =
        store.lines(
            List.of(
                new Question("t0", "?", "1.0"),
                new Question("t1", "?", "2"),
                new Question("t2", "?", "3")));
    assertThat(
            run(new Recording.Request(
                    transfer,
                    3,
                    request.measurements(),
                    request.evaluation(),
                    request.labels(),
                    request.split(),
                    request.trainings(),
                    request.society(),
                    request.skipped(),
                    questions))
                .result()
                .orElseThrow()
                .labelPrecision())
        .isEqualTo(0.5);
  }

  @Test
  void howLongStepsTookDoesNotMatter() throws Exception {
    StepOutcome<IterationReport> first = run(request(1, false));
    StepOutcome<IterationReport> second = run(request(99, true));
    assertThat(second.reused()).isTrue();
    assertThat(second.result()).isEqualTo(first.result());
  }

  @Test
  void theRecordNamesEverythingBehindTheNumbersAndIsFoundByName() throws Exception {
    Recording.Request request = request(1, false);
    IterationReport report = run(request).result().orElseThrow();
    record.publish("trial", report);
    JsonNode full = new JsonMapper().readTree(store.artifacts.bytes(report.record()));
    assertThat(full.at("/report/accuracy").asDouble()).isEqualTo(0.75);
    assertThat(full.at("/agents/1/firstRoundAccuracy").asDouble()).isZero();
    assertThat(full.at("/agents/1/parsed").asDouble()).isEqualTo(0.75);
    assertThat(full.at("/agents/0/lastTokens").asLong()).isEqualTo(8);
    assertThat(full.at("/request/evaluation/votes/sha256").asText())
        .isEqualTo(request.evaluation().votes().sha256());
    assertThat(
            new JsonMapper()
                .readValue(
                    Sealed.content(
                        store.store.bytes("experiments/trial/iteration-003.json", 1 << 20)),
                    IterationReport.class))
        .isEqualTo(report);
  }

  @Test
  void comparisonsThatCameToNothingAreSummedUpAndElseLeaveNoTrace() throws Exception {
    Recording.Request decided = request(1, false);
    IterationReport report = run(decided).result().orElseThrow();
    assertThat(report.undecided()).isZero();
    String json = new String(store.artifacts.bytes(report.record()), StandardCharsets.UTF_8);
    assertThat(json).as("so that records of earlier versions stay").doesNotContain("undecided");
    assertThat(
            new String(
                store.artifacts.bytes(decided.measurements().get(0)), StandardCharsets.UTF_8))
        .doesNotContain("undecided");

    StepReport step = new StepReport("ab", false, 1);
    ArtifactRef labels = decided.labels().votes();
    IterationReport undecided =
        run(new Recording.Request(
                decided.experiment(),
                3,
                List.of(
                    store.lines(
                        List.of(
                            measurement(0, true, true, 2),
                            measurement(1, true, true),
                            measurement(2, true, true, 1),
                            measurement(3, true, true)))),
                new Vote.Result(labels, 4, 3, 0, 10, step),
                new Vote.Result(labels, 3, 2, 0, 100, step),
                decided.split(),
                List.of(),
                decided.society(),
                List.of()))
            .result()
            .orElseThrow();
    assertThat(undecided.undecided()).isEqualTo(113);
    assertThat(
            new JsonMapper()
                .readTree(store.artifacts.bytes(undecided.record()))
                .at("/report/undecided")
                .asInt())
        .isEqualTo(113);
  }

  @Test
  void whatWasSkippedIsRecordedAndElseLeavesNoTrace() {
    Recording.Request request = request(1, false);
    assertThat(new String(CanonicalJson.bytes(request), StandardCharsets.UTF_8))
        .as("so that records of earlier versions are found")
        .doesNotContain("skipped");
    Recording.Request without =
        RecordStep.withoutTimings(
            new Recording.Request(
                request.experiment(),
                3,
                request.measurements(),
                request.evaluation(),
                null,
                null,
                List.of(),
                request.society(),
                List.of("critic 1 keeps its weights")));
    assertThat(new String(CanonicalJson.bytes(without), StandardCharsets.UTF_8))
        .contains("\"skipped\":[\"critic 1 keeps its weights\"]");
  }

  @Test
  void aMissingOrRepeatedMeasurementIsRefused() {
    Recording.Request request = request(1, false);
    for (List<ArtifactRef> measurements :
        List.of(
            request.measurements().subList(0, 1),
            List.of(request.measurements().get(0), request.measurements().get(0)))) {
      assertThatThrownBy(
              () ->
                  run(
                      new Recording.Request(
                          request.experiment(),
                          3,
                          measurements,
                          request.evaluation(),
                          null,
                          null,
                          List.of(),
                          request.society(),
                          List.of())))
          .hasMessageContaining("measure");
    }
  }
}
