package polyphony.workflows;

import io.temporal.activity.Activity;
import io.temporal.failure.ApplicationFailure;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import polyphony.storage.ArtifactRef;

/**
 * The steps without any work: every result is an artifact whose name says what it is, and every
 * request is kept in order of arrival.
 */
class FakeSteps implements Activities.Light, Activities.Sampling, Activities.Training {
  static final ArtifactRef BASE = artifact("base");
  static final ArtifactRef TRAIN_QUESTIONS = artifact("train-questions");
  static final ArtifactRef EVALUATE_QUESTIONS = artifact("evaluate-questions");
  static final ArtifactRef EVALUATE_PROMPTS = artifact("evaluate-prompts");
  static final ArtifactRef PROMPTS = artifact("prompts");
  static final Map<String, String> VERSIONS = Map.of("polyphony", "test");

  /** The request to keep a history. */
  record Exported(String workflowId, String runId) {}

  /** The request for a report. */
  record ReportOf(String name) {}

  /** From the name that a report is asked for to the answer. */
  volatile Function<String, KeptReport> reports = name -> null;

  /** The request for a forecast. */
  record Forecasting(String name, ExperimentSpec spec) {}

  /** From the number of the request, from 1, to its answer. */
  volatile IntFunction<Forecast> forecasts = request -> null;

  /** Every request, in order of arrival. */
  final List<Object> requests = new CopyOnWriteArrayList<>();

  /** Examples of a model's training set where it is not 5, by {@link #model}. */
  final Map<String, Integer> exampleCounts = new ConcurrentHashMap<>();

  /** How many parts a model's training takes where it is not 1, by {@link #model}. */
  final Map<String, Integer> trainingParts = new ConcurrentHashMap<>();

  /** Called before a request is answered; may wait or throw. */
  volatile Consumer<Object> before = request -> {};

  /** Called after a request was worked on, before its result is returned. */
  volatile Consumer<Object> after = request -> {};

  /**
   * Steps that work until they are stopped listen only after this. It is opened once the request is
   * in the history: the test server loses one that is answered while it is being written down.
   */
  final CountDownLatch mayStop = new CountDownLatch(1);

  /** What the experiment is a fork of; null: it began by itself. */
  Experiment.Origin origin;

  int questionsPerUnit = 2;
  boolean reused;

  /** Keys of steps that can be set aside. */
  final Set<String> finished = ConcurrentHashMap.newKeySet();

  private final Map<String, Integer> partsDone = new ConcurrentHashMap<>();

  /** Works until it is asked to stop, as a step that then commits and stops. */
  void workUntilStopped() {
    try {
      mayStop.await();
      while (true) {
        // Throws once it is asked to stop.
        Activity.getExecutionContext().heartbeat(null);
        Thread.sleep(5);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** How a step fails that has committed so many times in this attempt. */
  static ApplicationFailure failure(String type, String message, long commits) {
    return ApplicationFailure.newFailure(message, type, new CommitCount(commits));
  }

  /** Waits, as a step that takes its time. */
  static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  static String model(Role role, int agent) {
    return (role == Role.GENERATOR ? "generator-" : "critic-") + (agent + 1);
  }

  static ArtifactRef artifact(String name) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
      return new ArtifactRef(
          HexFormat.of().formatHex(hash), name.length(), "application/x-test", name);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static ArtifactRef freshQuestions(int iteration) {
    return artifact("train-questions-i" + iteration);
  }

  static ArtifactRef answers(Purpose purpose, int iteration, int round, int agent, int from) {
    return artifact(
        "answers-" + purpose + "-i" + iteration + "-r" + round + "-a" + agent + "-q" + from);
  }

  static ArtifactRef votes(Purpose purpose, int iteration) {
    return artifact("votes-" + purpose + "-i" + iteration);
  }

  static ArtifactRef checkpoint(Role role, int agent, int iteration) {
    return artifact(model(role, agent) + "-i" + iteration);
  }

  static ArtifactRef examples(Role role, int agent, int iteration) {
    return artifact("examples-" + model(role, agent) + "-i" + iteration);
  }

  static ArtifactRef measurements(int iteration, int from) {
    return artifact("measurements-i" + iteration + "-q" + from);
  }

  /** The requests of one kind, in order of arrival. */
  <T> List<T> requests(Class<T> kind) {
    return requests.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  List<Debate.Request> debates(Purpose purpose, int iteration) {
    return requests(Debate.Request.class).stream()
        .filter(request -> request.purpose() == purpose && request.iteration() == iteration)
        .toList();
  }

  List<Train.Request> trainings(int iteration) {
    return requests(Train.Request.class).stream()
        .filter(request -> request.iteration() == iteration)
        .toList();
  }

  private void arrive(Object request) {
    requests.add(request);
    before.accept(request);
  }

  private StepReport leave(Object request) {
    after.accept(request);
    return new StepReport("key", reused, 0.0);
  }

  @Override
  public Experiment resolve(String name, ExperimentSpec spec) {
    arrive(spec);
    return new Experiment(
        name,
        SpecDefaults.complete(spec, ModelDefaults.NONE),
        BASE,
        TRAIN_QUESTIONS,
        EVALUATE_QUESTIONS,
        PROMPTS,
        new Experiment.BatchPlan(questionsPerUnit, 8),
        VERSIONS,
        spec.evaluateOn() == null ? null : EVALUATE_PROMPTS,
        null,
        null,
        origin);
  }

  @Override
  public Forecast forecast(String name, ExperimentSpec spec) {
    arrive(new Forecasting(name, spec));
    return forecasts.apply(
        (int) requests.stream().filter(each -> each instanceof Forecasting).count());
  }

  @Override
  public KeptReport report(String name) {
    arrive(new ReportOf(name));
    return reports.apply(name);
  }

  @Override
  public FreshQuestions.Result freshQuestions(FreshQuestions.Request request) {
    arrive(request);
    return new FreshQuestions.Result(freshQuestions(request.iteration()), leave(request));
  }

  @Override
  public List<String> nameExperiments(List<ExperimentSpec> specs) {
    arrive(specs);
    return specs.stream()
        .map(spec -> ExperimentNames.derive(SpecDefaults.complete(spec, ModelDefaults.NONE)))
        .toList();
  }

  @Override
  public List<ComparisonResult.Row> compare(
      String comparison, List<ComparisonResult.Compared> experiments) {
    arrive(experiments);
    return List.of(
        new ComparisonResult.Row(
            "arithmetic",
            "built-in",
            "debate",
            List.of(0L),
            0,
            4,
            0.5,
            0.1,
            new ComparisonResult.Rank(1, 1),
            null));
  }

  @Override
  public Debate.Result debate(Debate.Request request) {
    arrive(request);
    return answered(request).withStep(leave(request));
  }

  private static Debate.Result answered(Debate.Request request) {
    return new Debate.Result(
        answers(
            request.purpose(),
            request.iteration(),
            request.round(),
            request.agent(),
            request.from()),
        request.to() - request.from(),
        0,
        100,
        null);
  }

  @Override
  public DebateRound.Result debateRound(DebateRound.Request request) {
    arrive(request);
    return new DebateRound.Result(
        request.turns().stream().map(FakeSteps::answered).toList(), leave(request));
  }

  @Override
  public Vote.Result vote(Vote.Request request) {
    arrive(request);
    return new Vote.Result(votes(request.purpose(), request.iteration()), 4, 3, 1, leave(request));
  }

  @Override
  public Split.Result split(Split.Request request) {
    arrive(request);
    int agents = request.trains() == Method.Trains.ONE_MODEL ? 1 : request.answers().get(0).size();
    List<Split.TrainingSet> sets = new CopyOnWriteArrayList<>();
    for (Role role : Role.values()) {
      if (role == Role.CRITIC && request.trains() != Method.Trains.GENERATORS_AND_CRITICS) {
        continue;
      }
      for (int agent = 0; agent < agents; agent++) {
        int count = exampleCounts.getOrDefault(model(role, agent), 5);
        sets.add(
            new Split.TrainingSet(
                role, agent, examples(role, agent, request.iteration()), count, 0, 0, ""));
      }
    }
    return new Split.Result(sets, leave(request));
  }

  @Override
  public Train.Result trainGenerator(Train.Request request) {
    return train(Role.GENERATOR, request);
  }

  @Override
  public Train.Result trainCritic(Train.Request request) {
    return train(Role.CRITIC, request);
  }

  private Train.Result train(Role role, Train.Request request) {
    if (request.role() != role) {
      throw ApplicationFailure.newNonRetryableFailure(
          "the training of a " + role + " was asked for a " + request.role(), FailureTypes.BUG);
    }
    arrive(request);
    String model = model(role, request.agent());
    int parts = partsDone.merge(model + "-i" + request.iteration(), 1, Integer::sum);
    if (parts < trainingParts.getOrDefault(model, 1)) {
      return new Train.Result(false, null, null, null, parts, 0, 0, 0, leave(request));
    }
    ArtifactRef checkpoint = checkpoint(role, request.agent(), request.iteration());
    return new Train.Result(
        true,
        checkpoint,
        checkpoint.sha256(),
        artifact("curve"),
        10,
        1000,
        2.0,
        1.0,
        leave(request));
  }

  @Override
  public Evaluate.Result evaluate(Evaluate.Request request) {
    arrive(request);
    return new Evaluate.Result(measurements(request.iteration(), request.from()), leave(request));
  }

  @Override
  public String setAside(String key) {
    arrive(key);
    if (!finished.remove(key)) {
      throw ApplicationFailure.newNonRetryableFailure(
          "there is no finished step " + key, FailureTypes.CONFIG);
    }
    return "vote";
  }

  @Override
  public ExportedHistory exportHistory(String workflowId, String runId) {
    arrive(new Exported(workflowId, runId));
    return new ExportedHistory(workflowId, runId, 1, artifact("history of " + workflowId));
  }

  @Override
  public void announce(Notice notice) {
    arrive(notice);
  }

  @Override
  public IterationReport record(Recording.Request request) {
    arrive(request);
    double accuracy = 0.5 + 0.1 * request.iteration();
    Map<String, String> weights = new TreeMap<>();
    for (int agent = 0; agent < request.society().agents(); agent++) {
      weights.put(model(Role.GENERATOR, agent), request.society().generators().get(agent).sha256());
      weights.put(model(Role.CRITIC, agent), request.society().critics().get(agent).sha256());
    }
    after.accept(request);
    return new IterationReport(
        request.iteration(),
        4,
        accuracy,
        0.1,
        0.8,
        null,
        null,
        null,
        null,
        null,
        null,
        accuracy,
        null,
        null,
        List.of(),
        List.of(),
        weights,
        artifact("record-i" + request.iteration()));
  }
}
