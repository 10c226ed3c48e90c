package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * What a person writes to start an experiment; in JSON either the method's name alone or an object.
 * Every field is optional; {@link SpecDefaults} fills in the rest once, and the complete spec is
 * recorded before anything runs. The meaning of each field is that of the method's description.
 *
 * @param experiment its name, which is also the workflow's id; derived where absent
 * @param method one of {@link Method#names()}
 * @param evaluateOn another task to evaluate on (zero-shot transfer), of which nothing is finetuned
 *     on; absent: the same task
 * @param baseModel {@code built-in} or the name of an imported model
 * @param agents N, from 1 to {@value SpecDefaults#MAX_AGENTS}
 * @param rounds M, from 1 to {@value SpecDefaults#MAX_ROUNDS}
 * @param iterations L, from 0 to {@value SpecDefaults#MAX_ITERATIONS}
 * @param summaries whether critics read a summary of the others' answers or the answers themselves
 * @param questions {@code fixed}: the same ones in every iteration; or {@code fresh}: each
 *     iteration has its own to finetune on
 * @param tieRule {@code random}, {@code first}, {@code skip} or {@code released-code}
 * @param minimumVotes below this many votes a question gets no label
 * @param criticMix w: the share of a critic's examples in which it corrected a wrong first answer
 * @param criticLoss {@code last-turn} or {@code all-turns}
 * @param startFrom {@code previous} or {@code base}
 * @param likelihoodModel what says how likely answers are: {@code self}, the agents' own models, or
 *     the name of an imported model
 * @param embeddingModel what compares answers' meanings: {@code base}, the base model's hidden
 *     states, or the name of an imported T5 encoder
 * @param promptSet name of a prompt set; absent: the model's own, else what the tasks bring along
 * @param fork another experiment to go on from; its fields are the defaults then, and only those in
 *     {@link SpecDefaults#CHANGED_BY_FORK} may differ
 */
public record ExperimentSpec(
    String experiment,
    String method,
    TaskSpec task,
    TaskSpec evaluateOn,
    String baseModel,
    Integer agents,
    Integer rounds,
    Integer iterations,
    Long seed,
    Boolean summaries,
    String questions,
    String tieRule,
    Integer minimumVotes,
    Double criticMix,
    String criticLoss,
    String startFrom,
    SamplingSpec sampling,
    TrainingSpec training,
    String likelihoodModel,
    String embeddingModel,
    String promptSet,
    // Left out where it is open, so that what was recorded before is found again.
    @JsonInclude(JsonInclude.Include.NON_NULL) ForkSpec fork)
    implements WorkflowInput {

  /** A spec in which nothing is set. */
  public static ExperimentSpec empty() {
    return new ExperimentSpec(
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, null, null, null, null, null);
  }

  @JsonCreator
  static ExperimentSpec ofMethod(String method) {
    return new ExperimentSpec(
        null, method, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, null, null, null, null, null);
  }

  static ExperimentSpec of(TaskSpec task, String baseModel, Long seed) {
    return new ExperimentSpec(
        null, null, task, null, baseModel, null, null, null, seed, null, null, null, null, null,
        null, null, null, null, null, null, null, null);
  }

  /**
   * This, with its open fields taken from what it has in common with others; but none of those that
   * its method decides.
   *
   * @param common its experiment and method do not matter
   */
  ExperimentSpec or(ExperimentSpec common) {
    Method named = Method.named(method == null ? SpecDefaults.METHOD : method);
    // An unknown method decides nothing, and is refused later.
    Method decides = named == null ? Method.named(SpecDefaults.METHOD) : named;
    SamplingSpec commonSampling =
        decides.temperature() == null || common.sampling == null
            ? common.sampling
            : common.sampling.withTemperature(null);
    TaskSpec commonTask = common.task;
    TaskSpec evaluated = SpecDefaults.first(evaluateOn, common.evaluateOn);
    if (evaluated != null && commonTask != null) {
      evaluated = evaluated.evaluatedAs(commonTask);
      commonTask = commonTask.finetunedOn();
    }
    return new ExperimentSpec(
        experiment,
        method,
        task == null || commonTask == null
            ? SpecDefaults.first(task, commonTask)
            : task.or(commonTask),
        evaluated,
        SpecDefaults.first(baseModel, common.baseModel),
        SpecDefaults.first(agents, unless(!decides.votes(), common.agents)),
        SpecDefaults.first(rounds, unless(!decides.debates(), common.rounds)),
        SpecDefaults.first(
            iterations, unless(decides.trains() == Method.Trains.NOTHING, common.iterations)),
        SpecDefaults.first(seed, common.seed),
        SpecDefaults.first(summaries, unless(decides.summaries() != null, common.summaries)),
        SpecDefaults.first(questions, common.questions),
        SpecDefaults.first(tieRule, common.tieRule),
        SpecDefaults.first(minimumVotes, unless(!decides.votes(), common.minimumVotes)),
        SpecDefaults.first(criticMix, common.criticMix),
        SpecDefaults.first(criticLoss, common.criticLoss),
        SpecDefaults.first(startFrom, unless(decides.restarts(), common.startFrom)),
        sampling == null || commonSampling == null
            ? SpecDefaults.first(sampling, commonSampling)
            : sampling.or(commonSampling),
        training == null || common.training == null
            ? SpecDefaults.first(training, common.training)
            : training.withOpenFieldsOf(common.training),
        SpecDefaults.first(likelihoodModel, common.likelihoodModel),
        SpecDefaults.first(embeddingModel, common.embeddingModel),
        SpecDefaults.first(promptSet, common.promptSet),
        SpecDefaults.first(fork, common.fork));
  }

  /**
   * This, with the fields that a fork may change and that are open here taken from the experiment
   * that is forked, and with all others as that one has them.
   *
   * @param forked complete
   */
  public ExperimentSpec goingOnFrom(ExperimentSpec forked) {
    return new ExperimentSpec(
        experiment,
        forked.method,
        forked.task,
        forked.evaluateOn,
        forked.baseModel,
        forked.agents,
        SpecDefaults.first(rounds, forked.rounds),
        SpecDefaults.first(iterations, forked.iterations),
        SpecDefaults.first(seed, forked.seed),
        SpecDefaults.first(summaries, forked.summaries),
        forked.questions,
        SpecDefaults.first(tieRule, forked.tieRule),
        SpecDefaults.first(minimumVotes, forked.minimumVotes),
        SpecDefaults.first(criticMix, forked.criticMix),
        SpecDefaults.first(criticLoss, forked.criticLoss),
        SpecDefaults.first(startFrom, forked.startFrom),
        sampling == null ? forked.sampling : sampling.or(forked.sampling),
        SpecDefaults.training(training, forked.training),
        forked.likelihoodModel,
        forked.embeddingModel,
        forked.promptSet,
        fork);
  }

  private static <T> T unless(boolean decided, T common) {
    return decided ? null : common;
  }

  /** What is evaluated on. */
  public TaskSpec evaluated() {
    return evaluateOn == null ? task : evaluateOn;
  }

  /** What reads and compares answers to the questions of this purpose. */
  public String grading(Purpose purpose) {
    return switch (purpose) {
      case FINETUNE -> task.grading();
      case EVALUATE -> evaluated().grading();
    };
  }

  /** The same under this name. */
  public ExperimentSpec withName(String name) {
    return with(name, task, evaluateOn, iterations, promptSet, fork);
  }

  /** The same on this task, with these prompts. */
  public ExperimentSpec withTask(TaskSpec other, String prompts) {
    return with(experiment, other, evaluateOn, iterations, prompts, fork);
  }

  /** The same evaluated on another task; null: on its own. */
  public ExperimentSpec withEvaluateOn(TaskSpec other) {
    return with(experiment, task, other, iterations, promptSet, fork);
  }

  /** The same with another number of iterations. */
  public ExperimentSpec withIterations(int count) {
    return with(experiment, task, evaluateOn, count, promptSet, fork);
  }

  /**
   * The same on fewer questions, in one iteration at most, as an experiment that is no fork.
   *
   * @param train questions to finetune on, at most
   * @param evaluate questions to evaluate on, at most
   */
  public ExperimentSpec pilot(int train, int evaluate) {
    return with(
        experiment,
        task.atMost(train, evaluate),
        evaluateOn == null ? null : evaluateOn.atMost(train, evaluate),
        Math.min(1, iterations),
        promptSet,
        null);
  }

  /** Everything else stays as it is. */
  private ExperimentSpec with(
      String name,
      TaskSpec finetuned,
      TaskSpec evaluated,
      Integer count,
      String prompts,
      ForkSpec from) {
    return new ExperimentSpec(
        name,
        method,
        finetuned,
        evaluated,
        baseModel,
        agents,
        rounds,
        count,
        seed,
        summaries,
        questions,
        tieRule,
        minimumVotes,
        criticMix,
        criticLoss,
        startFrom,
        sampling,
        training,
        likelihoodModel,
        embeddingModel,
        prompts,
        from);
  }
}
