package polyphony.workflows;

import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Functions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import polyphony.storage.ArtifactRef;

/**
 * One iteration of the method, in its order: debate, vote, split, train; then the new society
 * debates the evaluation questions, and the iteration's numbers are recorded.
 */
public final class FinetuningIterationImpl implements FinetuningIteration {
  private final Ledger ledger = new Ledger();
  private final List<String> outcomes = new ArrayList<>();
  private Request request;
  private Experiment experiment;
  private ExperimentSpec spec;
  private Method method;
  private String phase = "start";
  private int unitsDone;
  private int units;
  private IterationReport report;

  /** Questions {@code from} (inclusive) to {@code to} (exclusive). */
  private record Range(int from, int to) {
    @Override
    public String toString() {
      return "questions " + (from + 1) + "-" + to;
    }
  }

  /**
   * A finished debate.
   *
   * @param answers by range, then by round, then by agent
   */
  private record Debated(List<Range> ranges, List<List<List<ArtifactRef>>> answers) {
    /** One round's answers, by agent, then by range. */
    List<List<ArtifactRef>> round(int round) {
      int agents = answers.get(0).get(round - 1).size();
      List<List<ArtifactRef>> byAgent = new ArrayList<>();
      for (int agent = 0; agent < agents; agent++) {
        int speaker = agent;
        byAgent.add(map(answers, rounds -> rounds.get(round - 1).get(speaker)));
      }
      return byAgent;
    }

    int rounds() {
      return answers.get(0).size();
    }

    List<List<ArtifactRef>> lastRound() {
      return round(rounds());
    }

    /** By round, then by agent, then by range. */
    List<List<List<ArtifactRef>>> everyRound() {
      List<List<List<ArtifactRef>>> byRound = new ArrayList<>();
      for (int round = 1; round <= rounds(); round++) {
        byRound.add(round(round));
      }
      return byRound;
    }
  }

  /** What the finetuning half of an iteration came to; all open in iteration 0. */
  private record Finetuned(
      Vote.Result labels,
      Split.Result split,
      List<Recording.Training> trainings,
      Society society) {}

  @Override
  public Result run(Request input) {
    request = input;
    experiment = input.experiment();
    spec = experiment.spec();
    method = Method.named(spec.method());
    try {
      return iterate();
    } catch (TemporalFailure failure) {
      throw FailureTypes.surfaced(failure);
    }
  }

  @Override
  public Progress progress() {
    return new Progress(
        phase,
        request == null ? 0 : request.iteration(),
        spec == null ? 0 : spec.iterations(),
        unitsDone,
        units,
        report == null ? List.of() : List.of(report));
  }

  private Result iterate() {
    boolean trains = request.iteration() > 0 && method.trains() != Method.Trains.NOTHING;
    Finetuned finetuned =
        trains ? finetune() : new Finetuned(null, null, List.of(), request.society());
    report = evaluate(finetuned);
    begin("done", 0);
    return new Result(
        report, finetuned.society(), ledger.phases(), ledger.computedSteps(), ledger.reusedSteps());
  }

  /** Debate, vote, split and training on the questions to finetune on. */
  private Finetuned finetune() {
    Debated debated =
        timed(
            "debate",
            () ->
                debate(
                    Purpose.FINETUNE,
                    request.society(),
                    experiment.trainQuestions(),
                    spec.task().train()));
    Vote.Result labels = timed("vote", () -> vote(Purpose.FINETUNE, debated));
    outcomes.add(labels.labelled() + " of " + labels.questions() + " questions labelled");
    Split.Result split = timed("split", () -> split(debated, labels));
    List<Recording.Training> trainings = timed("train", () -> train(split));
    outcomes.add(trainings.size() + " models trained");
    return new Finetuned(labels, split, trainings, society(trainings));
  }

  /** The new society's debate on held-out questions, its vote, its measures and the record. */
  private IterationReport evaluate(Finetuned finetuned) {
    Debated debated =
        timed(
            "debate",
            () ->
                debate(
                    Purpose.EVALUATE,
                    finetuned.society(),
                    experiment.evaluateQuestions(),
                    spec.task().evaluate()));
    Vote.Result votes = timed("vote", () -> vote(Purpose.EVALUATE, debated));
    List<ArtifactRef> measurements =
        timed("evaluate", () -> measure(debated, votes, finetuned.society()));
    return timed(
        "record",
        () -> {
          begin("record", 1);
          return StepOptions.light("record iteration " + request.iteration())
              .record(
                  new Recording.Request(
                      experiment,
                      request.iteration(),
                      measurements,
                      votes,
                      finetuned.labels(),
                      finetuned.split(),
                      finetuned.trainings(),
                      finetuned.society()));
        });
  }

  /**
   * All rounds on all questions. A range's next round starts as soon as all agents are through with
   * the last one on that range: rounds are synchronous, ranges independent.
   */
  private Debated debate(Purpose purpose, Society society, ArtifactRef questions, int size) {
    List<Range> ranges = ranges(size);
    begin(
        purpose == Purpose.EVALUATE ? "debate for evaluation" : "debate",
        ranges.size() * spec.rounds() * society.agents());
    List<Promise<List<List<ArtifactRef>>>> debates = new ArrayList<>();
    for (Range range : ranges) {
      Promise<List<List<ArtifactRef>>> rounds = Workflow.newPromise(List.of());
      for (int number = 1; number <= spec.rounds(); number++) {
        int round = number;
        rounds =
            rounds.thenCompose(
                earlier ->
                    debateRound(
                            purpose,
                            society,
                            questions,
                            range,
                            round,
                            earlier.isEmpty() ? List.of() : earlier.get(earlier.size() - 1))
                        .thenApply(answers -> append(earlier, answers)));
      }
      debates.add(rounds);
    }
    return new Debated(ranges, all(debates).get());
  }

  /** One round of all agents on one range. */
  private Promise<List<ArtifactRef>> debateRound(
      Purpose purpose,
      Society society,
      ArtifactRef questions,
      Range range,
      int round,
      List<ArtifactRef> previous) {
    // An agent alone has nobody's answers to be summarised.
    boolean summarises = round > 1 && spec.summaries() && society.agents() > 1;
    List<Promise<Debate.Result>> turns = new ArrayList<>();
    for (int agent = 0; agent < society.agents(); agent++) {
      Debate.Request turn =
          new Debate.Request(
              spec.seed(),
              purpose,
              request.iteration(),
              agent,
              round,
              spec.task().name(),
              questions,
              range.from(),
              range.to(),
              experiment.prompts(),
              (round == 1 ? society.generators() : society.critics()).get(agent),
              summarises ? experiment.base() : null,
              previous,
              spec.sampling(),
              experiment.plan().batchSize(),
              experiment.versions());
      String summary =
          (purpose == Purpose.EVALUATE ? "evaluation · " : "")
              + ("round " + round + " · " + agentOf(agent) + " · " + range);
      turns.add(unit(Async.function(StepOptions.sampling(summary)::debate, turn)));
    }
    return all(turns)
        .thenApply(
            results -> {
              results.forEach(result -> ledger.count(result.step()));
              return map(results, Debate.Result::answers);
            });
  }

  private Vote.Result vote(Purpose purpose, Debated debated) {
    begin(purpose == Purpose.EVALUATE ? "vote for evaluation" : "vote", 1);
    Vote.Result votes =
        StepOptions.light(purpose == Purpose.EVALUATE ? "vote for evaluation" : "vote for labels")
            .vote(
                new Vote.Request(
                    spec.seed(),
                    purpose,
                    request.iteration(),
                    spec.task().name(),
                    debated.lastRound(),
                    spec.tieRule(),
                    spec.minimumVotes()));
    ledger.count(votes.step());
    return votes;
  }

  private Split.Result split(Debated debated, Vote.Result labels) {
    begin("split", 1);
    Split.Result split =
        StepOptions.light("split into training sets")
            .split(
                new Split.Request(
                    spec.seed(),
                    request.iteration(),
                    spec.task().name(),
                    debated.everyRound(),
                    labels.votes(),
                    method.trains(),
                    method.filtered(),
                    spec.criticMix(),
                    spec.criticLoss()));
    ledger.count(split.step());
    return split;
  }

  /** All models at once, each on its own set; a model whose set is empty keeps its weights. */
  private List<Recording.Training> train(Split.Result split) {
    List<Split.TrainingSet> sets = split.sets().stream().filter(set -> set.count() > 0).toList();
    begin("train", sets.size());
    List<Promise<Recording.Training>> trainings = new ArrayList<>();
    for (Split.TrainingSet set : sets) {
      Train.Request training =
          new Train.Request(
              spec.seed(),
              set.role(),
              set.agent(),
              request.iteration(),
              spec.startFrom().equals("base") ? experiment.base() : current(set),
              set.examples(),
              spec.training().forRole(set.role()),
              experiment.versions());
      trainings.add(
          unit(train(training, trainingSummary(set), 1))
              .thenApply(
                  result -> {
                    ledger.count(result.step());
                    return new Recording.Training(set.role(), set.agent(), result);
                  }));
    }
    return all(trainings).get();
  }

  /** One model's training, part after part until it is finished. */
  private Promise<Train.Result> train(Train.Request training, String summary, int part) {
    Activities.Training trainer =
        StepOptions.training(part == 1 ? summary : summary + " · part " + part);
    Promise<Train.Result> result =
        switch (training.role()) {
          case GENERATOR -> Async.function(trainer::trainGenerator, training);
          case CRITIC -> Async.function(trainer::trainCritic, training);
        };
    return result.thenCompose(
        done -> done.finished() ? Workflow.newPromise(done) : train(training, summary, part + 1));
  }

  private String trainingSummary(Split.TrainingSet set) {
    String who =
        method.trains() == Method.Trains.ONE_MODEL
            ? "train the one model"
            : switch (set.role()) {
                  case GENERATOR -> "train generator ";
                  case CRITIC -> "train critic ";
                }
                + ((set.agent() + 1) + " of " + spec.agents());
    return who + " · " + set.count() + " examples";
  }

  /** The checkpoint that a training set's model has now. */
  private ArtifactRef current(Split.TrainingSet set) {
    List<ArtifactRef> models =
        switch (set.role()) {
          case GENERATOR -> request.society().generators();
          case CRITIC -> request.society().critics();
        };
    if (set.agent() < 0 || set.agent() >= models.size()) {
      throw ApplicationFailure.newNonRetryableFailure(
          "split returned a training set for agent " + set.agent() + " of " + models.size(),
          FailureTypes.BUG);
    }
    return models.get(set.agent());
  }

  /** The society after training. */
  private Society society(List<Recording.Training> trainings) {
    List<ArtifactRef> generators = new ArrayList<>(request.society().generators());
    List<ArtifactRef> critics = new ArrayList<>(request.society().critics());
    for (Recording.Training training : trainings) {
      switch (training.role()) {
        case GENERATOR -> generators.set(training.agent(), training.result().checkpoint());
        case CRITIC -> critics.set(training.agent(), training.result().checkpoint());
      }
    }
    return switch (method.trains()) {
      case GENERATORS_AND_CRITICS -> new Society(generators, critics);
      case GENERATORS -> new Society(generators, generators);
      case ONE_MODEL -> Society.copies(generators.get(0), spec.agents());
      case NOTHING -> request.society();
    };
  }

  /** Grades and measures every range on its own. */
  private List<ArtifactRef> measure(Debated debated, Vote.Result votes, Society society) {
    begin("evaluate", debated.ranges().size());
    List<Promise<Evaluate.Result>> evaluations = new ArrayList<>();
    for (int i = 0; i < debated.ranges().size(); i++) {
      Range range = debated.ranges().get(i);
      Evaluate.Request evaluation =
          new Evaluate.Request(
              request.iteration(),
              spec.task().name(),
              experiment.evaluateQuestions(),
              range.from(),
              range.to(),
              debated.answers().get(i),
              votes.votes(),
              society,
              experiment.base(),
              spec.likelihoodModel(),
              spec.embeddingModel(),
              experiment.plan().batchSize(),
              experiment.versions());
      evaluations.add(
          unit(Async.function(StepOptions.sampling("evaluate " + range)::evaluate, evaluation)));
    }
    List<Evaluate.Result> results = all(evaluations).get();
    results.forEach(result -> ledger.count(result.step()));
    return map(results, Evaluate.Result::measurements);
  }

  private List<Range> ranges(int questions) {
    int unit = experiment.plan().questionsPerUnit();
    List<Range> ranges = new ArrayList<>();
    for (int from = 0; from < questions; from += unit) {
      ranges.add(new Range(from, Math.min(from + unit, questions)));
    }
    return ranges;
  }

  private String agentOf(int agent) {
    return "agent " + (agent + 1) + " of " + spec.agents();
  }

  private void begin(String name, int unitsOfPhase) {
    phase = name;
    unitsDone = 0;
    units = unitsOfPhase;
    describe();
  }

  /** Counts a unit of work as done once its promise is kept. */
  private <T> Promise<T> unit(Promise<T> work) {
    return work.thenApply(
        result -> {
          unitsDone++;
          describe();
          return result;
        });
  }

  /** What the Web UI shows of a running iteration: Markdown without tables. */
  private void describe() {
    StringBuilder details = new StringBuilder("- phase: ").append(phase);
    if (units > 1) {
      details.append(", ").append(unitsDone).append(" of ").append(units);
    }
    outcomes.forEach(outcome -> details.append("\n- ").append(outcome));
    if (report != null) {
      details.append("\n- accuracy ").append(report.accuracy());
    }
    Workflow.setCurrentDetails(details.toString());
  }

  private <T> T timed(String step, Functions.Func<T> stage) {
    long start = Workflow.currentTimeMillis();
    T result = stage.apply();
    ledger.time(step, (Workflow.currentTimeMillis() - start) / 1000.0);
    return result;
  }

  /** All results in order, or the first failure as soon as there is one. */
  private static <T> Promise<List<T>> all(List<Promise<T>> promises) {
    return Promise.allOf(promises).thenApply(done -> map(promises, Promise::get));
  }

  private static <T, R> List<R> map(List<T> values, Function<T, R> function) {
    return values.stream().map(function).toList();
  }

  private static <T> List<T> append(List<T> values, T value) {
    List<T> longer = new ArrayList<>(values);
    longer.add(value);
    return List.copyOf(longer);
  }
}
