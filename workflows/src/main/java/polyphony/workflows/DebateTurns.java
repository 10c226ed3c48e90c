package polyphony.workflows;

import java.util.List;
import java.util.stream.IntStream;
import polyphony.storage.ArtifactRef;

/**
 * How a society debates: what every turn of its debate, and the vote at its end, ask for. The same
 * for all questions of an evaluation as for a single one.
 *
 * @param society those who speak
 * @param seed of all that is sampled, and of ties
 * @param rounds 1 where the method does not debate
 */
public record DebateTurns(
    Experiment experiment,
    Purpose purpose,
    int iteration,
    Society society,
    long seed,
    int rounds,
    SamplingSpec sampling) {
  static DebateTurns of(Experiment experiment, Purpose purpose, int iteration, Society society) {
    ExperimentSpec spec = experiment.spec(iteration);
    boolean debates = Method.named(spec.method()).answering(purpose).debates();
    return new DebateTurns(
        experiment,
        purpose,
        iteration,
        society,
        spec.seed(),
        debates ? spec.rounds() : 1,
        spec.sampling());
  }

  /** As evaluation questions are debated, by those of the society who answer them. */
  public static DebateTurns evaluation(Experiment experiment, int iteration, Society society) {
    boolean votes = Method.named(experiment.spec(iteration).method()).evaluation().votes();
    return of(experiment, Purpose.EVALUATE, iteration, votes ? society : society.alone());
  }

  /** What is in force in this iteration. */
  public ExperimentSpec spec() {
    return experiment.spec(iteration);
  }

  /** Whether the method has rounds after the first. */
  public boolean debates() {
    return Method.named(spec().method()).answering(purpose).debates();
  }

  /** Whether somebody reads a summary of the others' answers, and not the answers. */
  public boolean summarises(int round) {
    // An agent alone has nobody's answers to be summarised.
    return round > 1 && spec().summaries() && society.agents() > 1;
  }

  /**
   * Whether all agents' turns of a round are one step: where those who speak in it have adapters,
   * before they are first tuned too. The spec decides, and not what the agents are at the time.
   */
  public boolean together(int round) {
    boolean critics =
        round > 1 && Method.named(spec().method()).trains() == Method.Trains.GENERATORS_AND_CRITICS;
    return society.agents() > 1
        && spec().training().forRole(critics ? Role.CRITIC : Role.GENERATOR).tunesAdapter();
  }

  /** All agents' turns of a round; see {@link #turn}. */
  public List<Debate.Request> turns(
      int round, ArtifactRef questions, int from, int to, List<ArtifactRef> previous) {
    return IntStream.range(0, society.agents())
        .mapToObj(agent -> turn(agent, round, questions, from, to, previous))
        .toList();
  }

  /**
   * One agent's turn on questions {@code from} (inclusive) to {@code to} (exclusive).
   *
   * @param agent from 0
   * @param round from 1
   * @param previous the answers of the round before, by agent; empty in round 1
   */
  public Debate.Request turn(
      int agent, int round, ArtifactRef questions, int from, int to, List<ArtifactRef> previous) {
    Method.Style style = Method.named(spec().method()).style();
    return new Debate.Request(
        seed,
        purpose,
        iteration,
        agent,
        round,
        spec().grading(purpose),
        questions,
        from,
        to,
        experiment.prompts(purpose),
        (round == 1 ? society.generators() : society.critics()).get(agent),
        summarises(round) ? experiment.base() : null,
        previous,
        sampling,
        experiment.plan().batchSize(),
        experiment.versions(),
        style == Method.Style.CONTEST ? null : style,
        style == Method.Style.UNIQUE_ID ? society.agents() : null,
        null);
  }

  /**
   * The vote at the end.
   *
   * @param answers the last round's, by agent, then by range
   * @param truth questions whose true answers are the labels; null: the majority's answers are
   */
  public Vote.Request vote(List<List<ArtifactRef>> answers, ArtifactRef truth) {
    return new Vote.Request(
        seed,
        purpose,
        iteration,
        spec().grading(purpose),
        answers,
        spec().tieRule(),
        spec().minimumVotes(),
        truth);
  }
}
