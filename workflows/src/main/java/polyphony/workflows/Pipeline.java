package polyphony.workflows;

import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Functions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import polyphony.storage.ArtifactRef;

/**
 * One iteration of the method, in its order: debate, vote, split, train; then the new society
 * debates the evaluation questions, and the iteration's numbers are recorded.
 */
final class Pipeline {
  private final FinetuningIteration.Request request;
  private final Experiment experiment;
  private final ExperimentSpec spec;
  private final Method method;
  private final OperatedSteps steps;
  private final IterationStatus status;
  private final Ledger ledger = new Ledger();

  Pipeline(FinetuningIteration.Request request, OperatedSteps steps, IterationStatus status) {
    this.request = request;
    this.experiment = request.experiment();
    this.spec = request.spec();
    this.method = Method.named(spec.method());
    this.steps = steps;
    this.status = status;
  }

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
   * @param ranges without those that were skipped
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
      ArtifactRef questions,
      Vote.Result labels,
      Split.Result split,
      List<Recording.Training> trainings,
      Society society) {}

  FinetuningIteration.Result run() {
    boolean trains = request.iteration() > 0 && method.trains() != Method.Trains.NOTHING;
    Finetuned finetuned =
        trains ? finetune() : new Finetuned(null, null, null, List.of(), request.society());
    IterationReport report = evaluate(finetuned);
    status.report(report);
    status.begin("done", 0);
    return new FinetuningIteration.Result(
        report, finetuned.society(), ledger.phases(), ledger.computedSteps(), ledger.reusedSteps());
  }

  /** Debate, vote, split and training on the questions to finetune on. */
  private Finetuned finetune() {
    ArtifactRef questions = trainQuestions();
    DebateTurns turns =
        DebateTurns.of(experiment, Purpose.FINETUNE, request.iteration(), request.society());
    Debated debated = timed("debate", () -> debate(turns, questions, spec.task().train()));
    if (debated.ranges().isEmpty()) {
      status.outcome("nothing labelled: every range was skipped");
      return new Finetuned(questions, null, null, List.of(), request.society());
    }
    Vote.Result labels =
        timed(
            "vote",
            () -> vote(turns, debated, method.labels() == Method.Labels.TRUTH ? questions : null));
    status.outcome(
        labels.labelled()
            + " of "
            + labels.questions()
            + " questions labelled"
            + (labels.undecided() == 0
                ? ""
                : ", " + labels.undecided() + " comparisons of answers undecided"));
    Debated answers =
        method.labels() == Method.Labels.TRUTH
            ? timed("debate", () -> withRationalisations(debated, questions))
            : debated;
    Split.Result split = timed("split", () -> split(answers, labels));
    List<Recording.Training> trainings = timed("train", () -> train(split));
    status.outcome(trainings.size() + " models trained");
    return new Finetuned(questions, labels, split, trainings, society(trainings));
  }

  /** The first iteration's are the experiment's, whether or not later ones have their own. */
  private ArtifactRef trainQuestions() {
    if (!ownQuestions()) {
      return experiment.trainQuestions();
    }
    status.begin("draw questions", 1);
    FreshQuestions.Request drawing =
        new FreshQuestions.Request(
            experiment.questionSeed(),
            request.iteration(),
            spec.task(),
            experiment.trainQuestions());
    String summary = "draw questions to finetune on";
    return timed(
        "draw questions",
        () -> {
          FreshQuestions.Result drawn =
              steps
                  .call(
                      summary,
                      () -> Async.function(StepOptions.light(summary)::freshQuestions, drawing))
                  .get();
          ledger.count(drawn.step());
          return drawn.questions();
        });
  }

  private boolean ownQuestions() {
    return spec.questions().equals(SpecDefaults.FRESH) && request.iteration() > 1;
  }

  /** The new society's debate on held-out questions, its vote, its measures and the record. */
  private IterationReport evaluate(Finetuned finetuned) {
    DebateTurns turns =
        DebateTurns.evaluation(experiment, request.iteration(), finetuned.society());
    Debated debated =
        timed(
            "debate",
            () -> debate(turns, experiment.evaluateQuestions(), spec.evaluated().evaluate()));
    Vote.Result votes = timed("vote", () -> vote(turns, debated, null));
    List<ArtifactRef> measurements =
        timed("evaluate", () -> measure(debated, votes, turns.society()));
    return timed(
        "record",
        () -> {
          status.begin("record", 1);
          String summary = "record iteration " + request.iteration();
          Recording.Request record =
              new Recording.Request(
                  experiment,
                  request.iteration(),
                  measurements,
                  votes,
                  finetuned.labels(),
                  finetuned.split(),
                  finetuned.trainings(),
                  finetuned.society(),
                  steps.skipped(),
                  ownQuestions() ? finetuned.questions() : null);
          return steps
              .call(summary, () -> Async.function(StepOptions.light(summary)::record, record))
              .get();
        });
  }

  /**
   * All rounds on all questions. A range's next round starts as soon as all agents are through with
   * the last one on that range: rounds are synchronous, ranges independent.
   */
  private Debated debate(DebateTurns turns, ArtifactRef questions, int size) {
    List<Range> ranges = ranges(size);
    int units = 0;
    for (int round = 1; round <= turns.rounds(); round++) {
      units += turns.together(round) ? 1 : turns.society().agents();
    }
    status.begin(
        turns.purpose() == Purpose.EVALUATE ? "debate for evaluation" : "debate",
        ranges.size() * units);
    List<Promise<Optional<List<List<ArtifactRef>>>>> debates = new ArrayList<>();
    for (Range range : ranges) {
      Promise<Optional<List<List<ArtifactRef>>>> rounds =
          Workflow.newPromise(Optional.of(List.of()));
      for (int number = 1; number <= turns.rounds(); number++) {
        int round = number;
        rounds =
            rounds.thenCompose(
                earlier ->
                    earlier.isEmpty()
                        ? Workflow.newPromise(earlier)
                        : debateRound(turns, questions, range, round, last(earlier.get()))
                            .thenApply(
                                answers -> answers.map(each -> append(earlier.get(), each))));
      }
      debates.add(rounds);
    }
    List<Range> debated = new ArrayList<>();
    List<List<List<ArtifactRef>>> answers = new ArrayList<>();
    List<Optional<List<List<ArtifactRef>>>> ended = all(debates).get();
    for (int i = 0; i < ranges.size(); i++) {
      if (ended.get(i).isPresent()) {
        debated.add(ranges.get(i));
        answers.add(ended.get(i).get());
      }
    }
    return new Debated(debated, answers);
  }

  /**
   * One round of all agents on one range; empty where an operator skipped the range.
   *
   * @param previous the answers of the round before; empty in round 1
   */
  private Promise<Optional<List<ArtifactRef>>> debateRound(
      DebateTurns turns,
      ArtifactRef questions,
      Range range,
      int round,
      List<ArtifactRef> previous) {
    List<Debate.Request> asked = turns.turns(round, questions, range.from(), range.to(), previous);
    if (turns.together(round)) {
      return status
          .unit(debateTogether(DebateRound.Request.of(asked), range))
          .thenApply(
              result ->
                  result.map(
                      taken -> {
                        ledger.count(taken.step());
                        return map(taken.turns(), Debate.Result::answers);
                      }));
    }
    List<Promise<Optional<Debate.Result>>> taken = new ArrayList<>();
    for (Debate.Request turn : asked) {
      taken.add(status.unit(debateTurn(turn, range, asked.size())));
    }
    return all(taken)
        .thenApply(
            results -> {
              results.forEach(result -> result.ifPresent(each -> ledger.count(each.step())));
              return results.stream().allMatch(Optional::isPresent)
                  ? Optional.of(map(results, result -> result.get().answers()))
                  : Optional.empty();
            });
  }

  /**
   * Beside every agent's answers, those that it gives instead of wrong ones once it has the true
   * answer as a hint: to the split they are another agent's.
   */
  private Debated withRationalisations(Debated debated, ArtifactRef questions) {
    status.begin("debate with hints", debated.ranges().size());
    List<Promise<Debate.Result>> turns = new ArrayList<>();
    for (int i = 0; i < debated.ranges().size(); i++) {
      Range range = debated.ranges().get(i);
      Debate.Request turn =
          new Debate.Request(
              spec.seed(),
              Purpose.FINETUNE,
              request.iteration(),
              1,
              1,
              spec.grading(Purpose.FINETUNE),
              questions,
              range.from(),
              range.to(),
              experiment.prompts(Purpose.FINETUNE),
              request.society().generators().get(0),
              null,
              List.of(),
              spec.sampling(),
              experiment.plan().batchSize(),
              experiment.versions(),
              null,
              null,
              debated.answers().get(i).get(0).get(0));
      String summary = "with hints · " + range;
      turns.add(
          status.unit(
              steps.call(
                  summary, () -> Async.function(StepOptions.sampling(summary)::debate, turn))));
    }
    List<List<List<ArtifactRef>>> answers = new ArrayList<>();
    List<Debate.Result> results = all(turns).get();
    for (int i = 0; i < results.size(); i++) {
      ledger.count(results.get(i).step());
      answers.add(List.of(append(debated.answers().get(i).get(0), results.get(i).answers())));
    }
    return new Debated(debated.ranges(), answers);
  }

  private Promise<Optional<Debate.Result>> debateTurn(
      Debate.Request turn, Range range, int agents) {
    String who = "agent " + (turn.agent() + 1) + " of " + agents;
    return debate(
        turn.purpose(),
        turn.round(),
        who,
        range,
        summary -> Async.function(StepOptions.sampling(summary)::debate, turn));
  }

  private Promise<Optional<DebateRound.Result>> debateTogether(
      DebateRound.Request round, Range range) {
    int agents = round.turns().size();
    return debate(
        round.purpose(),
        round.round(),
        agents + (agents == 1 ? " agent" : " agents"),
        range,
        summary -> Async.function(StepOptions.sampling(summary)::debateRound, round));
  }

  /**
   * @param schedule schedules one attempt under a summary for people
   */
  private <R> Promise<Optional<R>> debate(
      Purpose purpose, int round, String who, Range range, Function<String, Promise<R>> schedule) {
    String which = "round " + round + " · " + who + " · " + range;
    return switch (purpose) {
      // The numbers of an iteration are about all evaluation questions, or they could not be
      // compared.
      case EVALUATE -> {
        String summary = "evaluation · " + which;
        yield steps.call(summary, () -> schedule.apply(summary)).thenApply(Optional::of);
      }
      case FINETUNE ->
          steps.call(
              which,
              () -> schedule.apply(which),
              new OperatedSteps.Skip(range.toString(), range + " stay unlabelled"));
    };
  }

  /**
   * @param truth questions whose true answers are the labels; null: the majority's answers are
   */
  private Vote.Result vote(DebateTurns turns, Debated debated, ArtifactRef truth) {
    boolean evaluation = turns.purpose() == Purpose.EVALUATE;
    status.begin(evaluation ? "vote for evaluation" : "vote", 1);
    String summary = evaluation ? "vote for evaluation" : "vote for labels";
    Vote.Request vote = turns.vote(debated.lastRound(), truth);
    Vote.Result votes =
        steps.call(summary, () -> Async.function(StepOptions.light(summary)::vote, vote)).get();
    ledger.count(votes.step());
    return votes;
  }

  private Split.Result split(Debated debated, Vote.Result labels) {
    status.begin("split", 1);
    String summary = "split into training sets";
    Split.Request splitting =
        new Split.Request(
            spec.seed(),
            request.iteration(),
            spec.grading(Purpose.FINETUNE),
            debated.everyRound(),
            labels.votes(),
            method.trains(),
            method.filtered(),
            spec.criticMix(),
            spec.criticLoss());
    Split.Result split =
        steps
            .call(summary, () -> Async.function(StepOptions.light(summary)::split, splitting))
            .get();
    ledger.count(split.step());
    return split;
  }

  /** All models at once, each on its own set; a model whose set is empty keeps its weights. */
  private List<Recording.Training> train(Split.Result split) {
    List<Split.TrainingSet> sets = split.sets().stream().filter(set -> set.count() > 0).toList();
    status.begin("train", sets.size());
    List<Promise<Optional<Recording.Training>>> trainings = new ArrayList<>();
    for (Split.TrainingSet set : sets) {
      Train.Request training =
          new Train.Request(
              spec.seed(),
              set.role(),
              set.agent(),
              request.iteration(),
              spec.startFrom().equals(SpecDefaults.BASE) ? experiment.base() : current(set),
              set.examples(),
              spec.training().forRole(set.role()),
              experiment.versions());
      trainings.add(
          status
              .unit(train(training, trainingSummary(set), model(set), 1))
              .thenApply(
                  done ->
                      done.map(
                          result -> {
                            ledger.count(result.step());
                            return new Recording.Training(set.role(), set.agent(), result);
                          })));
    }
    return all(trainings).get().stream().flatMap(Optional::stream).toList();
  }

  /** One model's training, part after part until it is finished; empty where it was skipped. */
  private Promise<Optional<Train.Result>> train(
      Train.Request training, String summary, String model, int part) {
    String partSummary = part == 1 ? summary : summary + " · part " + part;
    Functions.Func<Promise<Train.Result>> schedule =
        () -> {
          Activities.Training trainer = StepOptions.training(partSummary);
          return switch (training.role()) {
            case GENERATOR -> Async.function(trainer::trainGenerator, training);
            case CRITIC -> Async.function(trainer::trainCritic, training);
          };
        };
    return steps
        .call(partSummary, schedule, new OperatedSteps.Skip(model, model + " keeps its weights"))
        .thenCompose(
            done ->
                done.isEmpty() || done.get().finished()
                    ? Workflow.newPromise(done)
                    : train(training, summary, model, part + 1));
  }

  private String trainingSummary(Split.TrainingSet set) {
    return "train "
        + model(set)
        + (method.trains() == Method.Trains.ONE_MODEL ? "" : " of " + spec.agents())
        + " · "
        + set.count()
        + " examples";
  }

  /** What the model of a training set is called. */
  private String model(Split.TrainingSet set) {
    return method.trains() == Method.Trains.ONE_MODEL
        ? "the one model"
        : switch (set.role()) {
              case GENERATOR -> "generator ";
              case CRITIC -> "critic ";
            }
            + (set.agent() + 1);
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
    status.begin("evaluate", debated.ranges().size());
    List<Promise<Evaluate.Result>> evaluations = new ArrayList<>();
    for (int i = 0; i < debated.ranges().size(); i++) {
      Range range = debated.ranges().get(i);
      Evaluate.Request evaluation =
          new Evaluate.Request(
              request.iteration(),
              spec.grading(Purpose.EVALUATE),
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
              experiment.versions(),
              experiment.likelihoodCheckpoint(),
              experiment.embeddingCheckpoint());
      String summary = "evaluate " + range;
      evaluations.add(
          status.unit(
              steps.call(
                  summary,
                  () -> Async.function(StepOptions.sampling(summary)::evaluate, evaluation))));
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

  /** The last of these; empty where there is none yet. */
  private static List<ArtifactRef> last(List<List<ArtifactRef>> rounds) {
    return rounds.isEmpty() ? List.of() : rounds.get(rounds.size() - 1);
  }

  private static <T> List<T> append(List<T> values, T value) {
    List<T> longer = new ArrayList<>(values);
    longer.add(value);
    return List.copyOf(longer);
  }
}
