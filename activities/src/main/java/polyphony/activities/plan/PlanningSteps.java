package polyphony.activities.plan;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import polyphony.activities.ModelStep;
import polyphony.activities.resolve.FreshQuestionsStep;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.Sha256;
import polyphony.storage.Step;
import polyphony.storage.StepManifest;
import polyphony.storage.Steps;
import polyphony.workflows.Activities;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ExportedHistory;
import polyphony.workflows.Forecast;
import polyphony.workflows.FreshQuestions;
import polyphony.workflows.IterationReport;
import polyphony.workflows.KeptReport;
import polyphony.workflows.Method;
import polyphony.workflows.Notice;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.Split;
import polyphony.workflows.StepReport;
import polyphony.workflows.Train;
import polyphony.workflows.Vote;

/**
 * All steps, as activities of a workflow that is only planned. One that needs a model is looked up
 * in the store; where it is not there, its result is imagined: artifacts that do not exist, named
 * by the step's key, so that two that ask for the same step share it. A light step is really run
 * where nothing that it reads is imagined; so it is known exactly what follows from it.
 *
 * <p>May be used by several threads.
 */
public final class PlanningSteps
    implements Activities.Light, Activities.Sampling, Activities.Training {
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private final Steps steps;
  private final Activities.Light light;
  private final Rates rates;
  private final List<PlannedStep> planned = Collections.synchronizedList(new ArrayList<>());

  /** Results that were imagined, by the step's key. */
  private final Map<String, Object> imagined = new ConcurrentHashMap<>();

  /** Hashes of artifacts that do not exist. */
  private final Set<String> inexistent = ConcurrentHashMap.newKeySet();

  /** Questions by the hash of the answers to them. */
  private final Map<String, Integer> answered = new ConcurrentHashMap<>();

  /** Examples by the hash of a training set. */
  private final Map<String, Integer> examples = new ConcurrentHashMap<>();

  /**
   * @param steps what is there; nothing is computed by it
   * @param light the steps without a model, on a store that may be written
   */
  public PlanningSteps(Steps steps, Activities.Light light, Rates rates) {
    this.steps = steps;
    this.light = light;
    this.rates = rates;
  }

  /** What was asked for so far. */
  public List<PlannedStep> planned() {
    return List.copyOf(planned);
  }

  @Override
  public Experiment resolve(String name, ExperimentSpec spec) {
    return light.resolve(name, spec);
  }

  /** Of a plan there is none. */
  @Override
  public Forecast forecast(String name, ExperimentSpec spec) {
    return null;
  }

  @Override
  public FreshQuestions.Result freshQuestions(FreshQuestions.Request request) {
    FreshQuestions.Result result = light.freshQuestions(request);
    planned.add(
        new PlannedStep(
            FreshQuestionsStep.NAME,
            new PlannedStep.Wave(request.iteration(), "draw questions"),
            result.step().reused(),
            null));
    return result;
  }

  @Override
  public Debate.Result debate(Debate.Request request) {
    String wave =
        request.purpose().name().toLowerCase(Locale.ROOT)
            + (request.mistakes() != null ? ", with hints" : ", round " + request.round());
    Debate.Result result =
        lookUp(
            ModelStep.DEBATE,
            request,
            new PlannedStep.Wave(request.iteration(), wave),
            Work.of(request),
            Debate.Result::withStep,
            key -> new Debate.Result(imagine(key, "answers.jsonl"), 0, 0, 0, null));
    answered.put(result.answers().sha256(), request.to() - request.from());
    return result;
  }

  @Override
  public DebateRound.Result debateRound(DebateRound.Request request) {
    String wave = request.purpose().name().toLowerCase(Locale.ROOT) + ", round " + request.round();
    DebateRound.Result result =
        lookUp(
            ModelStep.DEBATE_ROUND,
            request,
            new PlannedStep.Wave(request.iteration(), wave),
            Work.of(request),
            DebateRound.Result::withStep,
            key ->
                new DebateRound.Result(
                    request.turns().stream()
                        .map(turn -> imagine(key, "answers-" + turn.agent() + ".jsonl"))
                        .map(answers -> new Debate.Result(answers, 0, 0, 0, null))
                        .toList(),
                    null));
    result
        .turns()
        .forEach(turn -> answered.put(turn.answers().sha256(), request.to() - request.from()));
    return result;
  }

  @Override
  public Evaluate.Result evaluate(Evaluate.Request request) {
    return lookUp(
        ModelStep.EVALUATE,
        request,
        new PlannedStep.Wave(request.iteration(), "evaluate"),
        Work.of(request),
        Evaluate.Result::withStep,
        key -> new Evaluate.Result(imagine(key, "measurements.jsonl"), null));
  }

  @Override
  public Train.Result trainGenerator(Train.Request request) {
    return train(ModelStep.TRAIN_GENERATOR, request);
  }

  @Override
  public Train.Result trainCritic(Train.Request request) {
    return train(ModelStep.TRAIN_CRITIC, request);
  }

  private Train.Result train(ModelStep<Train.Request, Train.Result> kind, Train.Request request) {
    int optimizerSteps = Work.steps(request, examples.get(request.examples().sha256()));
    return lookUp(
        kind,
        request,
        new PlannedStep.Wave(request.iteration(), "train"),
        Work.of(request, optimizerSteps),
        Train.Result::withStep,
        key -> {
          ArtifactRef checkpoint = imagine(key, "checkpoint.json");
          return new Train.Result(
              true,
              checkpoint,
              checkpoint.sha256(),
              imagine(key, "curve.jsonl"),
              optimizerSteps,
              0,
              0,
              0,
              null);
        });
  }

  @Override
  public Vote.Result vote(Vote.Request request) {
    String wave = "vote, " + request.purpose().name().toLowerCase(Locale.ROOT);
    if (exists(request)) {
      Vote.Result result = light.vote(request);
      planned.add(
          new PlannedStep(
              VoteStep.NAME,
              new PlannedStep.Wave(request.iteration(), wave),
              result.step().reused(),
              null));
      return result;
    }
    int questions =
        request.answers().get(0).stream().mapToInt(each -> answered.get(each.sha256())).sum();
    return imagined(
        new Step(VoteStep.NAME, VoteStep.VERSION, request),
        new PlannedStep.Wave(request.iteration(), wave),
        null,
        Vote.Result::withStep,
        key -> new Vote.Result(imagine(key, "votes.jsonl"), questions, questions, 0, null));
  }

  @Override
  public Split.Result split(Split.Request request) {
    PlannedStep.Wave wave = new PlannedStep.Wave(request.iteration(), SplitStep.NAME);
    Split.Result result;
    if (exists(request)) {
      result = light.split(request);
      planned.add(new PlannedStep(SplitStep.NAME, wave, result.step().reused(), null));
    } else {
      result =
          imagined(
              new Step(SplitStep.NAME, SplitStep.VERSION, request),
              wave,
              null,
              Split.Result::withStep,
              key -> new Split.Result(sets(request, key), null));
    }
    result.sets().forEach(set -> examples.put(set.examples().sha256(), set.count()));
    return result;
  }

  private List<Split.TrainingSet> sets(Split.Request request, String key) {
    int questions =
        request.answers().get(0).get(0).stream()
            .mapToInt(each -> answered.get(each.sha256()))
            .sum();
    int agents = request.trains() == Method.Trains.ONE_MODEL ? 1 : request.answers().get(0).size();
    List<Split.TrainingSet> sets = new ArrayList<>();
    for (int agent = 0; agent < agents; agent++) {
      sets.add(set(Role.GENERATOR, agent, request.iteration(), questions, key));
    }
    if (SplitStep.trainsCritics(request)) {
      for (int agent = 0; agent < agents; agent++) {
        sets.add(set(Role.CRITIC, agent, request.iteration(), questions, key));
      }
    }
    return sets;
  }

  private Split.TrainingSet set(Role role, int agent, int iteration, int questions, String key) {
    // Without anything measured there is no forecast either, and any number will do.
    double share = rates.share(role, iteration).orElse(1);
    return new Split.TrainingSet(
        role,
        agent,
        imagine(key, role + "-" + agent + ".jsonl"),
        (int) Math.max(1, Math.round(share * questions)),
        0,
        0,
        "");
  }

  @Override
  public IterationReport record(Recording.Request request) {
    if (exists(request)) {
      return light.record(request);
    }
    return new IterationReport(
        request.iteration(),
        1,
        0,
        0,
        0,
        null,
        null,
        null,
        null,
        null,
        null,
        0,
        null,
        null,
        List.of(),
        List.of(),
        new TreeMap<>(),
        imagine("record", "record.json"));
  }

  @Override
  public List<String> nameExperiments(List<ExperimentSpec> specs) {
    return light.nameExperiments(specs);
  }

  @Override
  public List<ComparisonResult.Row> compare(
      String comparison, List<ComparisonResult.Compared> experiments) {
    return List.of();
  }

  @Override
  public KeptReport report(String name) {
    return null;
  }

  @Override
  public String setAside(String key) {
    throw PolyphonyException.config("a plan sets nothing aside: recompute the step in a run");
  }

  @Override
  public ExportedHistory exportHistory(String workflowId, String runId) {
    return new ExportedHistory(workflowId, runId, 0, null);
  }

  /** Nothing has happened that anybody should be told of. */
  @Override
  public void announce(Notice notice) {}

  private interface Imagination<R> {
    R of(String key);
  }

  private interface Told<R> {
    R withStep(R result, StepReport step);
  }

  /** A step's recorded result, or an imagined one. */
  private <Q, R> R lookUp(
      ModelStep<Q, R> kind,
      Q request,
      PlannedStep.Wave wave,
      Work work,
      Told<R> told,
      Imagination<R> imagination) {
    Step step = kind.step(request);
    if (exists(request)) {
      Optional<StepManifest> manifest = steps.manifest(step.key());
      if (manifest.isPresent()) {
        planned.add(new PlannedStep(step.name(), wave, true, work));
        return told.withStep(
            decoded(manifest.get(), kind.result()), new StepReport(step.key(), true, 0));
      }
    }
    return imagined(step, wave, work, told, imagination);
  }

  private static <R> R decoded(StepManifest manifest, Class<R> type) {
    try {
      return JSON.treeToValue(manifest.result(), type);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          "what is recorded of step "
              + manifest.name()
              + " ("
              + manifest.key()
              + ") cannot be read by this version: polyphony audit says what to do",
          e);
    }
  }

  private <R> R imagined(
      Step step, PlannedStep.Wave wave, Work work, Told<R> told, Imagination<R> imagination) {
    String key = step.key();
    // Whoever imagines a step imagines the same, and only the first one will have to compute it.
    R result = imagination.of(key);
    boolean again = imagined.putIfAbsent(key, result) != null;
    planned.add(new PlannedStep(step.name(), wave, again, work));
    return told.withStep(result, new StepReport(key, again, 0));
  }

  private ArtifactRef imagine(String key, String name) {
    String sha256 = Sha256.of((key + "/" + name).getBytes(StandardCharsets.UTF_8));
    inexistent.add(sha256);
    return new ArtifactRef(sha256, 0, "application/x-imagined", name);
  }

  /** Whether nothing that a request names is imagined. */
  private boolean exists(Object request) {
    return References.of(request).stream().noneMatch(each -> inexistent.contains(each.sha256()));
  }
}
