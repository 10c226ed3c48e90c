package polyphony.activities.regrade;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.StoreInFolder;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.evaluate.Divergences;
import polyphony.activities.evaluate.Measurement;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.grading.Grader;
import polyphony.activities.regrade.Regrading.AgentSet;
import polyphony.activities.regrade.Regrading.Change;
import polyphony.activities.split.SplitStep;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.StepBody;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Method;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Purpose;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.Society;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Split;
import polyphony.workflows.StepReport;
import polyphony.workflows.Vote;

class RegradeTest {
  private static final String DEFAULT = "math-1";
  private static final String RELEASED = "math-1/released-code/released-code";

  private static final List<String> EVALUATION_TRUTH = List.of("\\frac{1}{2}", "7", "5", "9");

  /** By agent, then by question; of the one round that evaluation has here. */
  private static final String[][] EVALUATION = {
    {"\\boxed{2/4}", "The answer is 7.", "That makes 5.", "\\boxed{9}"},
    {"\\boxed{\\frac{1}{2}}", "\\boxed{7}", "That makes 5.", "\\boxed{9}"},
    {"\\boxed{3}", "\\boxed{8}", "\\boxed{6}", "\\boxed{9}"},
  };

  private static final List<String> TRAINING_TRUTH = List.of("1/2", "7", "5");

  /** By round, then by agent, then by question. */
  private static final String[][][] TRAINING = {
    {
      {"\\boxed{2/4}", "The answer is 7.", "That makes 5."},
      {"\\boxed{1/2}", "\\boxed{7}", "That makes 5."},
      {"\\boxed{4}", "\\boxed{8}", "That makes 5."},
    },
    {
      {"\\boxed{1/2}", "That makes 8.", "That makes 5."},
      {"\\boxed{1/2}", "That makes 8.", "That makes 5."},
      {"\\boxed{2/4}", "\\boxed{7}", "That makes 5."},
    },
  };

  @TempDir Path folder;
  private StoreInFolder store;

  @BeforeEach
  void aStore() {
    store = new StoreInFolder(folder);
  }

  /** Records experiments whose answers are written down here, by the very steps. */
  private final class Trial {
    private final String name;
    private final String graded;
    private final Grader grader;
    private final String method;
    private final ArtifactRef model = store.model(1);
    private final Experiment experiment;

    /**
     * @param name what graded them is called in the store
     * @param graded what graded them
     */
    Trial(String name, String graded, String method) {
      this.name = name;
      this.graded = graded;
      this.grader = Tasks.grader(graded);
      this.method = method;
      ExperimentSpec spec =
          SpecDefaults.complete(
              PolyphonyDataConverter.parse(
                  "{\"method\": \""
                      + method
                      + "\", \"tieRule\": \"first\", \"task\": {\"name\": \"math\", \"answers\":"
                      + " \""
                      + DEFAULT
                      + "\"}}"),
              ModelDefaults.NONE);
      this.experiment =
          new Experiment(
              "trial",
              spec,
              model,
              questions(TRAINING_TRUTH),
              questions(EVALUATION_TRUTH),
              model,
              new Experiment.BatchPlan(250, 50),
              Map.of());
      store.store.write(
          "experiments/trial/experiment.json", Sealed.seal(CanonicalJson.bytes(experiment)));
    }

    private ArtifactRef questions(List<String> truths) {
      return store.lines(
          IntStream.range(0, truths.size())
              .mapToObj(i -> new Question("question-" + i, "?", truths.get(i)))
              .toList());
    }

    /** One agent's answers of one round; null where it was not asked. */
    ArtifactRef answers(int agent, int round, String... texts) {
      List<Answer> answers = new ArrayList<>();
      for (int i = 0; i < texts.length; i++) {
        if (texts[i] != null) {
          Answer plain = TestAnswers.answer(i, agent, round, null, true);
          answers.add(
              new Answer(
                  i,
                  plain.question(),
                  agent,
                  round,
                  plain.tokens(),
                  plain.turns(),
                  texts[i],
                  true,
                  grader.extract(texts[i]).orElse(null),
                  null,
                  plain.messages()));
        }
      }
      return store.lines(answers);
    }

    private <Q, R> StepOutcome<R> run(
        String step, int version, Q request, Class<R> type, StepBody<R> body) throws Exception {
      return store.steps.run(new Step(step, version, request), type, body);
    }

    Vote.Result vote(
        Purpose purpose, int iteration, List<List<ArtifactRef>> answers, ArtifactRef truth)
        throws Exception {
      StepOutcome<Vote.Result> outcome =
          run(
              VoteStep.NAME,
              VoteStep.VERSION,
              vote(name, purpose, iteration, answers, truth),
              Vote.Result.class,
              attempt ->
                  new VoteStep().run(vote(graded, purpose, iteration, answers, truth), attempt));
      return outcome.result().orElseThrow().withStep(new StepReport(outcome.key(), false, 0));
    }

    private Vote.Request vote(
        String task,
        Purpose purpose,
        int iteration,
        List<List<ArtifactRef>> answers,
        ArtifactRef truth) {
      return new Vote.Request(0, purpose, iteration, task, answers, "first", 1, truth);
    }

    Split.Result split(List<List<List<ArtifactRef>>> answers, ArtifactRef votes) throws Exception {
      StepOutcome<Split.Result> outcome =
          run(
              SplitStep.NAME,
              SplitStep.VERSION,
              split(name, answers, votes),
              Split.Result.class,
              attempt -> new SplitStep().run(split(graded, answers, votes), attempt));
      return outcome.result().orElseThrow().withStep(new StepReport(outcome.key(), false, 0));
    }

    private Split.Request split(
        String task, List<List<List<ArtifactRef>>> answers, ArtifactRef votes) {
      Method trained = Method.named(method);
      return new Split.Request(
          0, 1, task, answers, votes, trained.trains(), trained.filtered(), 0.5, "last-turn");
    }

    /** What evaluation measures, without what takes a model. */
    private ArtifactRef measurements(Vote.Result votes) {
      List<Measurement> measurements = new ArrayList<>();
      for (Label label : lines(votes.votes())) {
        String truth = EVALUATION_TRUTH.get(label.index());
        List<Boolean> each = Collections.nCopies(label.votes().size(), true);
        List<Double> zeros = Collections.nCopies(label.votes().size(), 0.0);
        Divergences none =
            new Divergences(
                Collections.nCopies(zeros.size(), 1),
                Collections.nCopies(zeros.size(), zeros),
                zeros);
        measurements.add(
            new Measurement(
                label.index(),
                label.question(),
                label.label(),
                label.label() != null && grader.equivalent(label.label(), truth),
                label.share(),
                each,
                each,
                each,
                zeros,
                none,
                none,
                0,
                0,
                0));
      }
      return store.lines(measurements);
    }

    private List<Label> lines(ArtifactRef votes) {
      return JsonLines.read(store.artifacts.bytes(votes), Label.class);
    }

    void record(int iteration, Vote.Result labels, Split.Result split) throws Exception {
      List<List<ArtifactRef>> answers = new ArrayList<>();
      int agents = Method.named(method).votes() ? EVALUATION.length : 1;
      for (int agent = 0; agent < agents; agent++) {
        answers.add(List.of(answers(agent, 1, EVALUATION[agent])));
      }
      Vote.Result evaluation = vote(Purpose.EVALUATE, iteration, answers, null);
      RecordStep step = new RecordStep(store.checkpoints, store.store);
      Recording.Request request =
          RecordStep.withoutTimings(
              new Recording.Request(
                  experiment,
                  iteration,
                  List.of(measurements(evaluation)),
                  evaluation,
                  labels,
                  split,
                  List.of(),
                  Society.copies(model, agents),
                  List.of()));
      IterationReport report =
          run(
                  RecordStep.NAME,
                  RecordStep.VERSION,
                  request,
                  IterationReport.class,
                  attempt -> step.run(request, attempt))
              .result()
              .orElseThrow();
      step.publish("trial", report);
    }
  }

  /** Iteration 0, and one in which everybody learns from the debate above. */
  private void recorded(String name, String graded) throws Exception {
    Trial trial = new Trial(name, graded, "multiagent-ft");
    trial.record(0, null, null);
    List<List<List<ArtifactRef>>> answers = new ArrayList<>();
    for (int round = 1; round <= TRAINING.length; round++) {
      List<List<ArtifactRef>> byAgent = new ArrayList<>();
      for (int agent = 0; agent < TRAINING[round - 1].length; agent++) {
        byAgent.add(List.of(trial.answers(agent, round, TRAINING[round - 1][agent])));
      }
      answers.add(byAgent);
    }
    Vote.Result labels = trial.vote(Purpose.FINETUNE, 1, answers.get(1), null);
    trial.record(1, labels, trial.split(answers, labels.votes()));
  }

  private Regrading regraded(String extractor, String checker) {
    return new Regrade(store.store, store.artifacts).of("trial", extractor, checker);
  }

  private static AgentSet set(Regrading regrading, int agent, String set) {
    return regrading.iterations().get(1).finetuning().sets().stream()
        .filter(each -> each.agent() == agent && each.set().equals(set))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void otherModesShowWhatTheyChange() throws Exception {
    recorded(DEFAULT, DEFAULT);
    Regrading regrading = regraded("released-code", "released-code");
    assertThat(regrading.iterations())
        .extracting(Regrading.Iteration::iteration)
        .containsExactly(0, 1);
    for (Regrading.Iteration each : regrading.iterations()) {
      assertThat(each.grading()).isEqualTo(new Change<>(DEFAULT, RELEASED));
      assertThat(each.questions()).isEqualTo(4);
      assertThat(each.accuracy()).isEqualTo(new Change<>(1.0, 0.5));
      assertThat(each.standardError()).isEqualTo(new Change<>(0.0, 0.25));
      assertThat(each.consensus().before()).isCloseTo((2 + 2 + 2 + 3) / 12.0, within(1e-12));
      assertThat(each.consensus().after()).isCloseTo((1 + 1 + 1 + 3) / 12.0, within(1e-12));
      assertThat(each.verdicts())
          .extracting(
              Regrading.Verdict::question,
              Regrading.Verdict::before,
              Regrading.Verdict::after,
              Regrading.Verdict::voted)
          .containsExactly(
              tuple("question-0", true, false, new Change<>("2/4", "2/4")),
              tuple("question-2", true, false, new Change<>("5", "6")));
    }
    assertThat(regrading.iterations().get(0).finetuning()).isNull();
    Regrading.Finetuning finetuning = regrading.iterations().get(1).finetuning();
    assertThat(finetuning.grading()).isEqualTo(new Change<>(DEFAULT, RELEASED));
    assertThat(finetuning.labelled()).isEqualTo(new Change<>(3, 2));
    assertThat(finetuning.labelPrecision()).isEqualTo(new Change<>(2 / 3.0, 1.0));
    assertThat(finetuning.labels())
        .containsExactly(
            new Regrading.Label("question-1", "8", "7"),
            new Regrading.Label("question-2", "5", null));
  }

  @Test
  void everyExampleThatWouldEnterOrLeaveASetIsNamed() throws Exception {
    recorded(DEFAULT, DEFAULT);
    Regrading regrading = regraded("released-code", "released-code");
    assertThat(regrading.iterations().get(1).finetuning().sets())
        .extracting(each -> each.role() + " " + each.agent() + " " + each.set())
        .containsExactly(
            "GENERATOR 1 D^G",
            "GENERATOR 2 D^G",
            "GENERATOR 3 D^G",
            "CRITIC 1 D^C-",
            "CRITIC 1 D^C+",
            "CRITIC 2 D^C-",
            "CRITIC 2 D^C+",
            "CRITIC 3 D^C-",
            "CRITIC 3 D^C+");
    assertThat(set(regrading, 1, "D^G"))
        .isEqualTo(set(Role.GENERATOR, 1, "D^G", 2, 0, List.of(), List.of(0, 2)));
    assertThat(set(regrading, 2, "D^G"))
        .isEqualTo(set(Role.GENERATOR, 2, "D^G", 2, 2, List.of(1), List.of(2)));
    assertThat(set(regrading, 3, "D^G"))
        .isEqualTo(set(Role.GENERATOR, 3, "D^G", 2, 0, List.of(), List.of(1, 2)));
    assertThat(set(regrading, 1, "D^C-"))
        .isEqualTo(set(Role.CRITIC, 1, "D^C-", 1, 1, List.of(0), List.of(1)));
    assertThat(set(regrading, 1, "D^C+"))
        .isEqualTo(set(Role.CRITIC, 1, "D^C+", 2, 0, List.of(), List.of(0, 2)));
    assertThat(set(regrading, 2, "D^C-"))
        .isEqualTo(set(Role.CRITIC, 2, "D^C-", 1, 0, List.of(), List.of(1)));
    assertThat(set(regrading, 2, "D^C+"))
        .isEqualTo(set(Role.CRITIC, 2, "D^C+", 2, 1, List.of(), List.of(2)));
    assertThat(set(regrading, 3, "D^C-"))
        .isEqualTo(set(Role.CRITIC, 3, "D^C-", 1, 1, List.of(1), List.of(0)));
    assertThat(set(regrading, 3, "D^C+"))
        .isEqualTo(set(Role.CRITIC, 3, "D^C+", 1, 0, List.of(), List.of(2)));
  }

  private static AgentSet set(
      Role role,
      int agent,
      String set,
      int before,
      int after,
      List<Integer> entered,
      List<Integer> left) {
    return new AgentSet(role, agent, set, new Change<>(before, after), named(entered), named(left));
  }

  private static List<String> named(List<Integer> questions) {
    return questions.stream().map(each -> "question-" + each).toList();
  }

  @Test
  void whoReadsAndWhoComparesAreAskedForApart() throws Exception {
    recorded(DEFAULT, DEFAULT);
    Regrading.Iteration compared = regraded(null, "released-code").iterations().get(0);
    assertThat(compared.grading().after()).isEqualTo("math-1/default/released-code");
    assertThat(compared.verdicts())
        .extracting(Regrading.Verdict::question)
        .containsExactly("question-0");
    Regrading.Iteration read = regraded("released-code", null).iterations().get(0);
    assertThat(read.verdicts())
        .extracting(Regrading.Verdict::question)
        .containsExactly("question-2");
  }

  @Test
  void equalModesChangeNothing() throws Exception {
    recorded(DEFAULT, DEFAULT);
    unchanged(regraded(null, null));
    unchanged(regraded("default", "default"));
  }

  @Test
  void equalModesChangeNothingOfWhatTheReleasedCodeGraded() throws Exception {
    recorded(RELEASED, RELEASED);
    unchanged(regraded(null, null));
    assertThat(regraded("default", "default").iterations().get(0).accuracy())
        .isEqualTo(new Change<>(0.5, 1.0));
  }

  private static void unchanged(Regrading regrading) {
    assertThat(regrading.iterations()).hasSize(2);
    for (Regrading.Iteration each : regrading.iterations()) {
      assertThat(each.accuracy().after()).isEqualTo(each.accuracy().before());
      assertThat(each.standardError().after()).isEqualTo(each.standardError().before());
      assertThat(each.consensus().after()).isEqualTo(each.consensus().before());
      assertThat(each.verdicts()).isEmpty();
    }
    Regrading.Finetuning finetuning = regrading.iterations().get(1).finetuning();
    assertThat(finetuning.labelled().after()).isEqualTo(finetuning.labelled().before());
    assertThat(finetuning.labelPrecision().after()).isEqualTo(finetuning.labelPrecision().before());
    assertThat(finetuning.labels()).isEmpty();
    assertThat(finetuning.sets())
        .hasSize(9)
        .allSatisfy(
            set -> {
              assertThat(set.size().after()).isEqualTo(set.size().before());
              assertThat(set.entered()).isEmpty();
              assertThat(set.left()).isEmpty();
            });
  }

  @Test
  void whatALaterVersionOfTheCheckerChangesIsSeenWithoutAskingForAMode() throws Exception {
    // An earlier version that read and compared as the released code does.
    recorded("math-0", RELEASED);
    Regrading regrading = regraded(null, null);
    Regrading.Iteration untuned = regrading.iterations().get(0);
    assertThat(untuned.grading()).isEqualTo(new Change<>("math-0", DEFAULT));
    assertThat(untuned.accuracy()).isEqualTo(new Change<>(0.5, 1.0));
    assertThat(untuned.verdicts())
        .extracting(Regrading.Verdict::question)
        .containsExactly("question-0", "question-2");
    assertThat(regrading.iterations().get(1).finetuning().labels())
        .containsExactly(
            new Regrading.Label("question-1", "7", "8"),
            new Regrading.Label("question-2", null, "5"));
    assertThat(set(regrading, 1, "D^G").entered()).contains("question-2");
  }

  @Test
  void anAnswerWithAHintIsNotNeededWhereTheOneWithoutIsRightNow() throws Exception {
    Trial trial = new Trial(RELEASED, RELEASED, "star");
    // 2/4 is right but for the released code, and 3 is wrong: both were asked again.
    ArtifactRef first = trial.answers(0, 1, "\\boxed{2/4}", "\\boxed{3}", "\\boxed{5}");
    ArtifactRef hinted = trial.answers(1, 1, "\\boxed{1/2}", "\\boxed{7}", null);
    Vote.Result labels =
        trial.vote(Purpose.FINETUNE, 1, List.of(List.of(first)), trial.experiment.trainQuestions());
    Split.Result split =
        trial.split(List.of(List.of(List.of(first), List.of(hinted))), labels.votes());
    trial.record(0, null, null);
    trial.record(1, labels, split);
    Regrading regrading = regraded(null, "default");
    assertThat(regrading.iterations().get(1).finetuning().sets())
        .containsExactly(
            set(Role.GENERATOR, 1, "D^G", 1, 2, List.of(0), List.of()),
            set(Role.GENERATOR, 2, "D^G", 2, 1, List.of(), List.of(0)));
    assertThat(regrading.iterations().get(1).finetuning().labels()).isEmpty();
  }

  @Test
  void theStoreIsNotTouched() throws Exception {
    recorded(DEFAULT, DEFAULT);
    List<?> before = store.store.listing("");
    regraded("released-code", "released-code");
    assertThat(store.store.listing("")).isEqualTo(before).isNotEmpty();
  }

  @Test
  void anExperimentThatIsNotThereOrAModeThatDoesNotExistIsNamed() throws Exception {
    assertThatThrownBy(() -> regraded(null, null))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            failure -> assertThat(failure.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("the store has no experiment trial; check its name, and --store");
    recorded(DEFAULT, DEFAULT);
    assertThatThrownBy(() -> regraded("old", null))
        .hasMessage("there is no extractor \"old\"; it is one of default, released-code");
    assertThatThrownBy(() -> regraded(null, "new"))
        .hasMessage("there is no checker \"new\"; it is one of default, released-code");
  }

  @Test
  void answersThatWerePrunedAreNamedWithWhatToDo() throws Exception {
    recorded(DEFAULT, DEFAULT);
    ArtifactRef answers =
        new Trial(DEFAULT, DEFAULT, "multiagent-ft").answers(1, 2, TRAINING[1][1]);
    store.store.delete(Artifacts.key(answers));
    assertThatThrownBy(() -> regraded(null, null))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            failure -> assertThat(failure.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining(Artifacts.key(answers))
        .hasMessageContaining("pruned or lost")
        .hasMessageContaining("run the experiment again");
  }

  @Test
  void aDamagedManifestIsNamed() throws Exception {
    recorded(DEFAULT, DEFAULT);
    String vote =
        store.steps.manifests().stream()
            .filter(each -> each.name().equals(VoteStep.NAME))
            .map(each -> Steps.object(each.key()))
            .findFirst()
            .orElseThrow();
    store.store.write(vote, new byte[] {'{'});
    assertThatThrownBy(() -> regraded(null, null))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining(vote)
        .hasMessageContaining("polyphony audit");
  }
}
