package polyphony.workflows;

/**
 * What a person writes to start an experiment. Every field is optional; {@link SpecDefaults} fills
 * in the rest once, and the complete spec is recorded before anything runs. The meaning of each
 * field is that of the method's description.
 *
 * @param experiment its name, which is also the workflow's id; derived where absent
 * @param method one of {@link Method#names()}
 * @param evaluateOn another task to evaluate on (zero-shot transfer); absent: the same task
 * @param baseModel {@code built-in} or the name of an imported model
 * @param agents N, from 1 to {@value SpecDefaults#MAX_AGENTS}
 * @param rounds M, from 1 to {@value SpecDefaults#MAX_ROUNDS}
 * @param iterations L, from 0 to {@value SpecDefaults#MAX_ITERATIONS}
 * @param summaries whether critics read a summary of the others' answers or the answers themselves
 * @param questions {@code fixed} or {@code fresh} in every iteration
 * @param tieRule {@code random}, {@code first}, {@code skip} or {@code released-code}
 * @param minimumVotes below this many votes a question gets no label
 * @param criticMix w: the share of a critic's examples in which it corrected a wrong first answer
 * @param criticLoss {@code last-turn} or {@code all-turns}
 * @param startFrom {@code previous} or {@code base}
 * @param likelihoodModel {@code self}
 * @param embeddingModel {@code base}
 * @param promptSet name of a prompt set; absent: the model's own
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
    String promptSet)
    implements WorkflowInput {

  /** A spec in which nothing is set. */
  public static ExperimentSpec empty() {
    return new ExperimentSpec(
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, null, null, null, null);
  }

  /** The same with another number of iterations. */
  public ExperimentSpec withIterations(int count) {
    return new ExperimentSpec(
        experiment,
        method,
        task,
        evaluateOn,
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
        promptSet);
  }
}
