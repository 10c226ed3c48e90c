package polyphony.activities.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import polyphony.activities.compare.Comparison.Difference;
import polyphony.activities.compare.Comparison.Row;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Split;
import polyphony.workflows.Train;

class ComparisonTest {
  private static ArtifactRef artifact(String digit) {
    return new ArtifactRef(digit.repeat(64), 1, "application/json", "x");
  }

  /**
   * @param fields of the spec
   * @param answers by iteration: a + per evaluation question answered rightly, else a -
   */
  private static RecordedExperiment recorded(
      String name, String fields, long seed, String questions, String... answers) {
    ExperimentSpec spec =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{" + fields + (fields.isEmpty() ? "" : ", ") + "\"seed\": " + seed + "}"),
            ModelDefaults.NONE);
    Experiment experiment =
        new Experiment(
            name,
            spec,
            artifact("b"),
            artifact("a"),
            artifact(questions),
            artifact("c"),
            new Experiment.BatchPlan(250, 50),
            Map.of());
    return recorded(experiment, answers);
  }

  /**
   * @param changes fields of the fork's spec
   */
  private static RecordedExperiment fork(
      String name, RecordedExperiment of, int iteration, String changes, String... answers) {
    ExperimentSpec spec =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{\"fork\": {\"experiment\": \""
                    + of.experiment().name()
                    + "\", \"iteration\": "
                    + iteration
                    + "}"
                    + (changes.isEmpty() ? "" : ", ")
                    + changes
                    + "}"),
            of.experiment().spec());
    return recorded(of.experiment().fork(name, spec), answers);
  }

  private static RecordedExperiment recorded(Experiment experiment, String... answers) {
    long seed = experiment.spec().seed();
    List<RecordedExperiment.Iteration> iterations = new ArrayList<>();
    for (int i = 0; i < answers.length; i++) {
      List<Boolean> correct = answers[i].chars().mapToObj(each -> each == '+').toList();
      double accuracy = correct.stream().filter(each -> each).count() / (double) correct.size();
      iterations.add(
          new RecordedExperiment.Iteration(
              new IterationRecord(
                  report(i, accuracy, correct.size()), List.of(), request(experiment, i)),
              correct,
              new ComparisonResult.Budget(100 * i, 10 * i, 5 + seed, i)));
    }
    return new RecordedExperiment(experiment, iterations);
  }

  private static IterationReport report(int iteration, double accuracy, int questions) {
    return new IterationReport(
        iteration,
        questions,
        accuracy,
        Math.sqrt(accuracy * (1 - accuracy) / questions),
        0.5,
        0.1,
        0.2,
        iteration == 0 ? 0.0 : 0.3,
        0.4,
        0.0,
        0.0,
        0.25,
        iteration == 0 ? null : 0.75,
        null,
        List.of(),
        List.of(),
        Map.of(),
        null);
  }

  private static Recording.Request request(Experiment experiment, int iteration) {
    if (iteration == 0) {
      return new Recording.Request(
          experiment, 0, List.of(), null, null, null, List.of(), null, List.of());
    }
    Split.Result split =
        new Split.Result(
            List.of(
                new Split.TrainingSet(Role.GENERATOR, 0, artifact("1"), 30, 0, 0, ""),
                new Split.TrainingSet(Role.GENERATOR, 1, artifact("2"), 50, 0, 0, ""),
                new Split.TrainingSet(Role.CRITIC, 0, artifact("3"), 20, 5, 15, "")),
            null);
    return new Recording.Request(
        experiment,
        iteration,
        List.of(),
        null,
        null,
        split,
        List.of(
            trained(Role.GENERATOR, 0, 1000),
            trained(Role.GENERATOR, 1, 2000),
            trained(Role.CRITIC, 0, 700)),
        null,
        List.of());
  }

  private static Recording.Training trained(Role role, int agent, long tokens) {
    return new Recording.Training(
        role, agent, new Train.Result(true, null, null, null, 1, tokens, 0, 0, null));
  }

  @Test
  void experimentsThatDifferInTheirSeedAloneAreOneRow() {
    Comparison comparison =
        Comparison.of(
            List.of(
                recorded("b", "", 1, "e", "+---", "++--"),
                recorded("a", "", 0, "d", "++--", "++++", "++++")));
    assertThat(comparison.rows()).hasSize(1);
    Row row = comparison.rows().get(0);
    assertThat(row.label()).isEqualTo("multiagent-ft");
    assertThat(row.seeds()).containsExactly(0L, 1L);
    assertThat(row.questions()).isEqualTo(8);
    assertThat(row.iterations()).hasSize(2);
    Comparison.Point last = row.iterations().get(1);
    assertThat(last.bySeed()).containsExactly(1.0, 0.5);
    assertThat(last.accuracy()).isEqualTo(0.75);
    // sqrt(0 + 0.5 * 0.5 / 4) / 2
    assertThat(last.standardError()).isEqualTo(0.125, within(1e-12));
    assertThat(comparison.differences())
        .singleElement()
        .satisfies(
            gain -> {
              assertThat(gain.iteration()).isEqualTo(1);
              assertThat(gain.thanIteration()).isZero();
              assertThat(gain.paired().bySeed()).containsExactly(0.5, 0.25);
            });
  }

  @Test
  void trainingIsSummedUpPerModel() {
    Comparison.Point point =
        Comparison.of(List.of(recorded("a", "", 0, "d", "+-", "++")))
            .rows()
            .get(0)
            .iterations()
            .get(1);
    assertThat(point.generatorExamples()).isEqualTo(40);
    assertThat(point.criticExamples()).isEqualTo(20);
    assertThat(point.generatorTokens()).isEqualTo(1500);
    assertThat(point.criticTokens()).isEqualTo(700);
    assertThat(point.correctedShare()).isEqualTo(0.25);
    assertThat(point.labelPrecision()).isEqualTo(0.75);
  }

  @Test
  void whatAnUntunedSocietyDoesNotHaveIsAbsent() {
    Comparison.Point point =
        Comparison.of(List.of(recorded("a", "", 0, "d", "+-"))).rows().get(0).iterations().get(0);
    assertThat(point.labelPrecision()).isNull();
    assertThat(point.generatorExamples()).isNull();
    assertThat(point.correctedShare()).isNull();
    assertThat(point.klBetweenAgents()).isZero();
  }

  @Test
  void laterRowsAreComparedWithTheFirstAfterEquallyManyIterations() {
    Comparison comparison =
        Comparison.of(
            List.of(
                recorded("multi", "", 0, "d", "+---", "++--", "+++-"),
                recorded("single", "\"method\": \"single-agent-ft\"", 0, "d", "+---", "+---"),
                recorded("debate", "\"method\": \"debate\"", 0, "d", "+---")));
    assertThat(comparison.differences())
        .extracting(
            each -> each.label() + each.iteration() + " " + each.than() + each.thanIteration())
        .containsExactly(
            "multiagent-ft2 multiagent-ft0",
            "single-agent-ft1 single-agent-ft0",
            "multiagent-ft1 single-agent-ft1",
            "multiagent-ft2 debate0");
    Difference last = comparison.differences().get(3);
    assertThat(last.paired().difference()).isEqualTo(0.5);
  }

  @Test
  void aRankIsAsSureAsTheIntervals() {
    String good = "+".repeat(60) + "-".repeat(40);
    String close = "+".repeat(58) + "-".repeat(42);
    String bad = "+".repeat(20) + "-".repeat(80);
    Comparison comparison =
        Comparison.of(
            List.of(
                recorded("bad", "\"method\": \"base\"", 0, "d", bad),
                recorded("good", "\"method\": \"debate\"", 0, "d", good),
                recorded("close", "\"method\": \"majority\"", 0, "d", close)));
    assertThat(comparison.rows())
        .extracting(row -> row.label() + " " + row.rank())
        .containsExactly("base 3", "debate 1-2", "majority 1-2");
    assertThat(comparison.summary())
        .extracting(ComparisonResult.Row::accuracy)
        .containsExactly(0.2, 0.6, 0.58);
  }

  @Test
  void whatShareNoSeedIsNotRanked() {
    List<Row> rows =
        Comparison.of(
                List.of(
                    recorded("a", "\"method\": \"debate\"", 0, "d", "++++++++++"),
                    recorded("b", "\"method\": \"debate\"", 1, "e", "++++++++++"),
                    recorded("c", "\"method\": \"base\"", 1, "e", "----------"),
                    recorded("d", "\"method\": \"base\"", 0, "d", "----------")))
            .rows();
    assertThat(rows).extracting(row -> row.rank().toString()).containsExactly("1", "2");
  }

  @Test
  void tasksAreComparedApart() {
    Comparison comparison =
        Comparison.of(
            List.of(
                recorded("a", "\"method\": \"debate\"", 0, "d", "++--"),
                recorded("b", "\"method\": \"debate\", \"task\": \"gsm8k\"", 0, "e", "+---"),
                recorded("c", "\"method\": \"base\"", 0, "d", "+---"),
                recorded("d", "\"method\": \"base\", \"task\": \"gsm8k\"", 0, "e", "----")));
    assertThat(comparison.rows())
        .extracting(row -> row.task() + " " + row.label())
        .containsExactly("arithmetic debate", "arithmetic base", "gsm8k debate", "gsm8k base");
    assertThat(comparison.differences())
        .extracting(each -> each.label() + " " + each.than())
        .containsExactly("debate base", "debate base");
  }

  @Test
  void aBudgetIsTheMeanOverSeedsAndUnknownWhereOneIs() {
    RecordedExperiment first = recorded("a", "", 0, "d", "+-", "++");
    RecordedExperiment second = recorded("b", "", 4, "e", "+-", "++");
    assertThat(Comparison.of(List.of(first, second)).rows().get(0).last().budget())
        .isEqualTo(new ComparisonResult.Budget(100, 10, 7, 1));
    RecordedExperiment unknown =
        new RecordedExperiment(
            second.experiment(),
            second.iterations().stream()
                .map(each -> new RecordedExperiment.Iteration(each.record(), each.correct(), null))
                .toList());
    assertThat(Comparison.of(List.of(first, unknown)).rows().get(0).last().budget()).isNull();
  }

  @Test
  void anExperimentCanBeSeenAsIfItHadNotGoneOn() {
    RecordedExperiment multi = recorded("multi", "", 0, "d", "+---", "++--", "+++-");
    assertThat(Comparison.of(List.of(multi.first(1))).rows().get(0).iterations()).hasSize(2);
    assertThat(Comparison.of(List.of(multi.first(0))).differences()).isEmpty();
    assertThat(Comparison.of(List.of(multi.first(9))).rows().get(0).iterations()).hasSize(3);
  }

  @Test
  void rowsOfOneMethodSayWhatDiffers() {
    assertThat(
            Comparison.of(
                    List.of(
                        recorded("a", "\"criticMix\": 0.2", 0, "d", "+"),
                        recorded(
                            "b",
                            "\"criticMix\": 0.5, \"training\": {\"critic\": {\"epochs\": 4}}",
                            0,
                            "d",
                            "+"),
                        recorded("c", "\"method\": \"debate\"", 0, "d", "+")))
                .rows())
        .extracting(Row::label)
        .containsExactly(
            "multiagent-ft (criticMix 0.2, training.critic.epochs open)",
            "multiagent-ft (criticMix 0.5, training.critic.epochs 4)",
            "debate");
  }

  @Test
  void rowsOfOtherTuningSayWhichWithoutWhatFollowsFromIt() {
    String lora = "\"training\": {\"tuning\": \"lora\", \"learningRate\": 1e-5%s}";
    assertThat(
            Comparison.of(
                    List.of(
                        recorded("a", "", 0, "d", "+"),
                        recorded("b", String.format(lora, ""), 0, "d", "+")))
                .rows())
        .extracting(Row::label)
        .containsExactly(
            "multiagent-ft (training.tuning full)", "multiagent-ft (training.tuning lora)");
    assertThat(
            Comparison.of(
                    List.of(
                        recorded("a", String.format(lora, ""), 0, "d", "+"),
                        recorded(
                            "b", String.format(lora, ", \"targets\": [\"q_proj\"]"), 0, "d", "+")))
                .rows())
        .extracting(Row::label)
        .containsExactly(
            "multiagent-ft (training.targets [\"all-linear\"])",
            "multiagent-ft (training.targets [\"q_proj\"])");
  }

  @Test
  void rowsThatWereEvaluatedOnAnotherTaskSayWhich() {
    String transfer =
        "\"evaluateOn\": {\"name\": \"arithmetic\", \"operands\": 60}, \"task\": {\"train\": %d}";
    assertThat(
            Comparison.of(
                    List.of(
                        recorded("a", String.format(transfer, 100), 0, "d", "+-", "++"),
                        recorded("b", String.format(transfer, 200), 0, "d", "+-", "++")))
                .rows())
        .extracting(Row::label)
        .containsExactly("multiagent-ft (task.train 100)", "multiagent-ft (task.train 200)");
    RecordedExperiment harder = recorded("c", String.format(transfer, 500), 0, "e", "+-", "++");
    RecordedExperiment own = recorded("d", "", 0, "d", "+-", "++");
    assertThat(Comparison.of(List.of(harder, own)).rows())
        .extracting(row -> row.task() + ": " + row.label())
        .containsExactly(
            "arithmetic with operands up to 60: multiagent-ft", "arithmetic: multiagent-ft");
    // One that was finetuned on these very questions' task.
    RecordedExperiment same =
        recorded("e", "\"task\": {\"name\": \"arithmetic\", \"operands\": 60}", 0, "e", "+-", "++");
    assertThat(Comparison.of(List.of(harder, same)).rows().get(0).label())
        .isEqualTo(
            "multiagent-ft (evaluateOn.evaluate 500, evaluateOn.evaluateSplit evaluate,"
                + " evaluateOn.name arithmetic, evaluateOn.operands 60, task.evaluate open,"
                + " task.evaluateSplit open, task.operands open)");
  }

  @Test
  void aForkIsPairedByTheSeedThatItsQuestionsWereDrawnWith() {
    RecordedExperiment begun = recorded("begun", "", 0, "d", "+---", "++--");
    Comparison comparison =
        Comparison.of(List.of(begun, fork("fork", begun, 1, "\"seed\": 7", "+---", "+++-")));
    assertThat(comparison.rows())
        .extracting(row -> row.label() + " " + row.seeds())
        .containsExactly(
            "multiagent-ft (fork.iteration open, seed open) [0]",
            "multiagent-ft (fork.iteration 1, seed 7) [0]");
    assertThat(comparison.differences().get(2).paired().bySeed()).containsExactly(-0.25);
  }

  @Test
  void theSameForkOfExperimentsThatDifferInTheirSeedAloneIsOneRow() {
    RecordedExperiment zero = recorded("zero", "", 0, "d", "+---", "++--");
    RecordedExperiment one = recorded("one", "", 1, "e", "+---", "++--");
    List<Row> rows =
        Comparison.of(
                List.of(
                    zero,
                    one,
                    fork("a", zero, 1, "\"criticMix\": 0.25", "+---", "+++-"),
                    fork("b", one, 1, "\"criticMix\": 0.25", "+---", "++++")))
            .rows();
    assertThat(rows)
        .extracting(row -> row.label() + " " + row.seeds())
        .containsExactly(
            "multiagent-ft (criticMix 0.5, fork.iteration open) [0, 1]",
            "multiagent-ft (criticMix 0.25, fork.iteration 1) [0, 1]");
  }

  @Test
  void differentForksAreDifferentRows() {
    RecordedExperiment begun = recorded("begun", "\"criticMix\": 0.25", 0, "d", "+", "+", "+");
    RecordedExperiment early = fork("early", begun, 1, "\"criticMix\": 0.75", "+", "+", "+");
    String change = "\"criticMix\": 0.5";
    assertThat(
            Comparison.of(
                    List.of(
                        fork("same", begun, 2, "", "+", "+", "+"),
                        fork("a", begun, 2, change, "+", "+", "+"),
                        // Only what was in force before tells it apart.
                        fork("b", early, 2, change, "+", "+", "+"),
                        fork("c", begun, 1, change, "+", "+", "+"),
                        fork("d", begun, 2, change + ", \"seed\": 1", "+", "+", "+")))
                .rows())
        .extracting(Row::label)
        .containsExactly(
            "multiagent-ft (criticMix 0.25, fork.iteration 2, seed open)",
            "multiagent-ft (before iteration 1 criticMix open, before iteration 2 criticMix 0.25,"
                + " criticMix 0.5, fork.iteration 2, seed open)",
            "multiagent-ft (before iteration 1 criticMix 0.25, before iteration 2 criticMix 0.75,"
                + " criticMix 0.5, fork.iteration 2, seed open)",
            "multiagent-ft (criticMix 0.5, fork.iteration 1, seed open)",
            "multiagent-ft (criticMix 0.5, fork.iteration 2, seed 1)");
    RecordedExperiment again = fork("again", begun, 1, "\"criticMix\": 0.75", "+", "+");
    assertThatThrownBy(() -> Comparison.of(List.of(early, again)))
        .hasMessageContaining("early and again have the same settings and the same seed");
  }

  @Test
  void whatCannotBePairedIsRefused() {
    RecordedExperiment multi = recorded("a", "", 0, "d", "+-");
    assertThatThrownBy(() -> Comparison.of(List.of(multi, recorded("b", "", 0, "d", "+-"))))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("a and b have the same settings and the same seed");
    assertThatThrownBy(
            () ->
                Comparison.of(
                    List.of(multi, recorded("b", "\"method\": \"debate\"", 0, "e", "+-"))))
        .hasMessageContaining("evaluated on different questions");
    assertThatThrownBy(
            () ->
                Comparison.of(
                    List.of(multi, recorded("b", "\"method\": \"debate\"", 1, "d", "+-"))))
        .hasMessageContaining("share no seed");
  }
}
