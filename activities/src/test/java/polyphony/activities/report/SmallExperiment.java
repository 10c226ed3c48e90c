package polyphony.activities.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import polyphony.activities.JsonLines;
import polyphony.activities.StoreInFolder;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.evaluate.Divergences;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.activities.evaluate.Measurement;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.lm.Trainer;
import polyphony.activities.split.SplitStep;
import polyphony.activities.tasks.Question;
import polyphony.activities.train.TrainStep;
import polyphony.activities.vote.Label;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.CanonicalJson;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.StepAttempt;
import polyphony.storage.StepBody;
import polyphony.storage.StepOutcome;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
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
import polyphony.workflows.Train;
import polyphony.workflows.Vote;

/**
 * An experiment as a run leaves it, with all its steps, whose answers are written down here. Three
 * agents and two rounds; the true answer is always 7.
 */
public final class SmallExperiment {
  /** What one agent said in a debate; a hostile model, to see that nobody takes it for markup. */
  static final String HOSTILE = "</pre><script>alert(1)</script><img src=\"http://x.example/\">7";

  /** By question, then by round: what every agent answered; a dash where it could not be read. */
  private static final String[][] EVALUATION = {
    {"7 7 7", "7 7 7"}, // right
    {"7 3 3", "7 7 3"}, // corrected
    {"7 7 3", "3 3 7"}, // broken
    {"3 3 4", "3 3 3"}, // wrong
    {"7 7 3", "7 7 7"}, // right, after a disagreement
  };

  private static final String[][] TRAINING = {
    {"7 7 3", "7 7 7"}, {"7 3 3", "7 7 3"}, {"7 7 3", "3 3 7"}, {"- 7 7", "7 7 -"},
  };

  private static final int AGENTS = 3;

  private final StoreInFolder store;
  private final String name;
  private Experiment experiment;
  private final ArtifactRef base;
  private final List<IterationReport> reports = new ArrayList<>();

  public SmallExperiment(StoreInFolder store, String name, String method, long seed) {
    this(store, name, method, seed, "full");
  }

  /**
   * @param tuning with {@code lora}, all agents debate in one step
   */
  SmallExperiment(StoreInFolder store, String name, String method, long seed, String tuning) {
    this.store = store;
    this.name = name;
    this.base = store.model(1);
    ExperimentSpec spec =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{\"method\": \""
                    + method
                    + "\", \"tieRule\": \"first\", \"seed\": "
                    + seed
                    + ", \"training\": {\"tuning\": \""
                    + tuning
                    + "\"}}"),
            ModelDefaults.NONE);
    this.experiment =
        new Experiment(
            name,
            spec.withName(name),
            base,
            questions("train", TRAINING.length),
            questions("evaluate", EVALUATION.length),
            store.lines(List.of(Map.of("prompts", "none"))),
            new Experiment.BatchPlan(250, 50),
            Map.of("onnxruntime", "1.0"));
    write();
  }

  private void write() {
    store.store.write(
        "experiments/" + name + "/experiment.json", Sealed.seal(CanonicalJson.bytes(experiment)));
  }

  /** From now on asked for so many iterations, which its record does not tell. */
  public SmallExperiment extended(int iterations) {
    experiment = experiment.withIterations(iterations);
    return this;
  }

  /** Records that other prompts and models than its own evaluate it. */
  public SmallExperiment evaluatedByOthers() {
    ExperimentSpec spec =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{\"likelihoodModel\": \"gemma\", \"embeddingModel\": \"t5\"}"),
            ModelDefaults.NONE);
    experiment =
        new Experiment(
            name,
            spec.withName(name),
            base,
            experiment.trainQuestions(),
            experiment.evaluateQuestions(),
            experiment.prompts(),
            experiment.plan(),
            experiment.versions(),
            store.lines(List.of(Map.of("prompts", "others"))),
            store.model(7),
            store.model(8),
            null);
    write();
    return this;
  }

  public Experiment experiment() {
    return experiment;
  }

  /** Of the iterations that are finished. */
  List<IterationReport> reports() {
    return List.copyOf(reports);
  }

  private ArtifactRef questions(String what, int count) {
    return store.lines(
        IntStream.range(0, count)
            .mapToObj(i -> new Question("question-" + i, what + " <" + i + ">", "7"))
            .toList());
  }

  private <R> StepOutcome<R> run(
      int iteration, String name, int version, Object request, Class<R> type, StepBody<R> body)
      throws Exception {
    Step step = new Step(name, version, request);
    store.steps.use(this.name, ExperimentNames.iteration(this.name, iteration), step);
    return store.steps.run(step, type, body);
  }

  /** A step that was begun. */
  void begin(int iteration) {
    store.steps.use(
        name,
        ExperimentNames.iteration(name, iteration),
        new Step("vote", 1, Map.of("begun", iteration)));
  }

  /** By round, then by agent, then by range. */
  private List<List<List<ArtifactRef>>> debate(
      Purpose purpose, int iteration, String[][] said, Society society) throws Exception {
    List<List<List<ArtifactRef>>> rounds = new ArrayList<>();
    for (int round = 1; round <= 2; round++) {
      List<Debate.Request> turns = new ArrayList<>();
      List<List<Answer>> answers = new ArrayList<>();
      for (int agent = 0; agent < AGENTS; agent++) {
        List<Answer> own = new ArrayList<>();
        for (int i = 0; i < said.length; i++) {
          own.add(answer(i, agent, round, said[i][round - 1].split(" ", -1)[agent]));
        }
        answers.add(own);
        turns.add(
            new Debate.Request(
                experiment.spec().seed(),
                purpose,
                iteration,
                agent,
                round,
                "arithmetic",
                purpose == Purpose.EVALUATE
                    ? experiment.evaluateQuestions()
                    : experiment.trainQuestions(),
                0,
                said.length,
                experiment.prompts(),
                (round == 1 ? society.generators() : society.critics()).get(agent),
                null,
                round == 1 ? List.of() : rounds.get(0).stream().map(each -> each.get(0)).toList(),
                experiment.spec().sampling(),
                50,
                Map.of(),
                null,
                null,
                null));
      }
      rounds.add(
          answered(iteration, turns, answers).stream()
              .map(result -> List.of(result.answers()))
              .toList());
    }
    return rounds;
  }

  private List<Debate.Result> answered(
      int iteration, List<Debate.Request> turns, List<List<Answer>> answers) throws Exception {
    if (experiment.spec().training().tuning().equals("lora")) {
      return run(
              iteration,
              DebateStep.ROUND,
              DebateStep.ROUND_VERSION,
              DebateRound.Request.of(turns),
              DebateRound.Result.class,
              attempt ->
                  Optional.of(
                      new DebateRound.Result(
                          answers.stream().map(each -> answered(each, attempt)).toList(), null)))
          .result()
          .orElseThrow()
          .turns();
    }
    List<Debate.Result> results = new ArrayList<>();
    for (int agent = 0; agent < turns.size(); agent++) {
      List<Answer> own = answers.get(agent);
      results.add(
          run(
                  iteration,
                  DebateStep.NAME,
                  DebateStep.VERSION,
                  turns.get(agent),
                  Debate.Result.class,
                  attempt -> Optional.of(answered(own, attempt)))
              .result()
              .orElseThrow());
    }
    return results;
  }

  private static Debate.Result answered(List<Answer> answers, StepAttempt attempt) {
    attempt.usage("sampledTokens", 100.0);
    return new Debate.Result(
        attempt.put(JsonLines.write(answers), JsonLines.MEDIA_TYPE, "answers.jsonl"),
        answers.size(),
        0,
        100,
        null);
  }

  private static Answer answer(int index, int agent, int round, String said) {
    Answer plain = TestAnswers.answer(index, agent, round, null, true);
    String text = agent == 0 && said.equals("7") ? HOSTILE : "I say " + said;
    List<String> messages = new ArrayList<>();
    for (int i = 1; i <= round; i++) {
      messages.add("asked in round " + i);
      messages.add(text);
    }
    return new Answer(
        index,
        plain.question(),
        agent,
        round,
        plain.tokens(),
        plain.turns(),
        text,
        true,
        said.equals("-") ? null : said,
        null,
        messages);
  }

  private Vote.Result vote(Purpose purpose, int iteration, List<List<ArtifactRef>> answers)
      throws Exception {
    Vote.Request request =
        new Vote.Request(
            experiment.spec().seed(), purpose, iteration, "arithmetic", answers, "first", 1, null);
    StepOutcome<Vote.Result> outcome =
        run(
            iteration,
            VoteStep.NAME,
            VoteStep.VERSION,
            request,
            Vote.Result.class,
            attempt -> new VoteStep().run(request, attempt));
    return outcome.result().orElseThrow().withStep(new StepReport(outcome.key(), false, 0));
  }

  private ArtifactRef evaluate(
      int iteration, List<List<List<ArtifactRef>>> answers, Vote.Result vote, Society society)
      throws Exception {
    Evaluate.Request request =
        new Evaluate.Request(
            iteration,
            "arithmetic",
            experiment.evaluateQuestions(),
            0,
            EVALUATION.length,
            answers.stream()
                .map(round -> round.stream().map(agent -> agent.get(0)).toList())
                .toList(),
            vote.votes(),
            society,
            base,
            "self",
            "base",
            50,
            Map.of());
    List<Measurement> measurements = new ArrayList<>();
    for (Label label : JsonLines.read(store.artifacts.bytes(vote.votes()), Label.class)) {
      measurements.add(measured(label, iteration));
    }
    return run(
            iteration,
            EvaluateStep.NAME,
            EvaluateStep.VERSION,
            request,
            Evaluate.Result.class,
            attempt ->
                Optional.of(
                    new Evaluate.Result(
                        attempt.put(
                            JsonLines.write(measurements),
                            JsonLines.MEDIA_TYPE,
                            "measurements.jsonl"),
                        null)))
        .result()
        .orElseThrow()
        .measurements();
  }

  private static Measurement measured(Label label, int iteration) {
    String[] first = EVALUATION[label.index()][0].split(" ", -1);
    String[] last = EVALUATION[label.index()][1].split(" ", -1);
    double apart = 0.1 * iteration * (label.index() + 1);
    Divergences divergences =
        new Divergences(
            List.of(10, 10, 10),
            List.of(
                List.of(0.0, apart, apart), List.of(apart, 0.0, apart), List.of(apart, apart, 0.0)),
            List.of(apart, apart, apart));
    return new Measurement(
        label.index(),
        label.question(),
        label.label(),
        "7".equals(label.label()),
        label.share(),
        right(first),
        right(last),
        List.of(true, true, true),
        List.of(1.0 + label.index(), 2.0, 3.0),
        divergences,
        divergences,
        0.5 * label.index(),
        3,
        0);
  }

  private static List<Boolean> right(String[] answers) {
    return List.of(answers[0].equals("7"), answers[1].equals("7"), answers[2].equals("7"));
  }

  private Recording.Training train(int iteration, Split.TrainingSet set, ArtifactRef start)
      throws Exception {
    boolean generator = set.role() == Role.GENERATOR;
    Train.Request request =
        new Train.Request(
            experiment.spec().seed(),
            set.role(),
            set.agent(),
            iteration,
            start,
            set.examples(),
            experiment.spec().training(),
            Map.of());
    ArtifactRef tuned = store.model(100 * iteration + 10 * set.agent() + (generator ? 2 : 3));
    StepOutcome<Train.Result> outcome =
        run(
            iteration,
            generator ? "train-generator" : "train-critic",
            TrainStep.VERSION,
            request,
            Train.Result.class,
            attempt -> {
              attempt.usage("trainedTokens", 50.0);
              return Optional.of(
                  new Train.Result(
                      true,
                      tuned,
                      store.checkpoints.weightsSha256(tuned),
                      attempt.put(
                          JsonLines.write(
                              List.of(
                                  new Trainer.StepReport(0, 2.5, 1, 0.1, 30, 25),
                                  new Trainer.StepReport(1, 1.25, 1, 0.1, 30, 25))),
                          JsonLines.MEDIA_TYPE,
                          "curve.jsonl"),
                      2,
                      60,
                      2.5,
                      1.25,
                      null));
            });
    return new Recording.Training(
        set.role(),
        set.agent(),
        outcome.result().orElseThrow().withStep(new StepReport(outcome.key(), false, 0)));
  }

  /** Does the next iteration, the untuned society first. */
  public SmallExperiment iterate() throws Exception {
    int iteration = reports.size();
    Society society = Society.copies(base, AGENTS);
    Vote.Result labels = null;
    Split.Result split = null;
    List<Recording.Training> trainings = new ArrayList<>();
    if (iteration > 0) {
      List<List<List<ArtifactRef>>> answers =
          debate(Purpose.FINETUNE, iteration, TRAINING, society);
      labels = vote(Purpose.FINETUNE, iteration, answers.get(1));
      Split.Request request =
          new Split.Request(
              experiment.spec().seed(),
              iteration,
              "arithmetic",
              answers,
              labels.votes(),
              Method.Trains.GENERATORS_AND_CRITICS,
              true,
              0.5,
              "last-turn");
      StepOutcome<Split.Result> outcome =
          run(
              iteration,
              SplitStep.NAME,
              SplitStep.VERSION,
              request,
              Split.Result.class,
              attempt -> new SplitStep().run(request, attempt));
      split = outcome.result().orElseThrow().withStep(new StepReport(outcome.key(), false, 0));
      List<ArtifactRef> generators = new ArrayList<>(society.generators());
      List<ArtifactRef> critics = new ArrayList<>(society.critics());
      for (Split.TrainingSet set : split.sets()) {
        if (set.count() > 0) {
          Recording.Training training = train(iteration, set, base);
          trainings.add(training);
          (set.role() == Role.GENERATOR ? generators : critics)
              .set(set.agent(), training.result().checkpoint());
        }
      }
      society = new Society(generators, critics);
    }
    List<List<List<ArtifactRef>>> answers =
        debate(Purpose.EVALUATE, iteration, EVALUATION, society);
    Vote.Result vote = vote(Purpose.EVALUATE, iteration, answers.get(1));
    ArtifactRef measurements = evaluate(iteration, answers, vote, society);
    RecordStep step = new RecordStep(store.checkpoints, store.store);
    Recording.Request request =
        RecordStep.withoutTimings(
            new Recording.Request(
                experiment,
                iteration,
                List.of(measurements),
                vote,
                labels,
                split,
                trainings,
                society,
                List.of()));
    IterationReport report =
        run(
                iteration,
                RecordStep.NAME,
                RecordStep.VERSION,
                request,
                IterationReport.class,
                attempt -> step.run(request, attempt))
            .result()
            .orElseThrow();
    step.publish(name, report);
    reports.add(report);
    return this;
  }
}
