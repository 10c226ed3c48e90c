package polyphony.activities.debate;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import polyphony.activities.Checkpoints;
import polyphony.activities.StepProgress;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.SamplingSettings;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.SamplingSpec;

/**
 * One agent's turn in one round, on one range of questions; or the turns of all agents.
 *
 * <p>In round 1 an agent answers the question. In every later round it goes on with its own
 * conversation: it is shown what the other agents said in the round before, summarised or as it
 * was, and the question again. Or it gives the answers that were wrong again, with the true answer
 * as a hint (rationalisation, arXiv 2203.14465, section 3.2); the conversation that is kept is then
 * the one without the hint.
 *
 * <p>What is sampled is committed batch by batch; batches follow from the request alone, so that an
 * attempt that goes on after another forms the very same ones. Where all agents take their turns at
 * once, a batch holds rows of any of them that are adapters over one base, which is loaded once;
 * models of other bases take their turns one base after the other.
 */
public final class DebateStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "debate";

  /** Raised whenever equal requests would give other answers. */
  public static final int VERSION = 1;

  /** The activity's type and the step's name, for the turns of all agents. */
  public static final String ROUND = "debate-round";

  /** As {@link #VERSION}. */
  public static final int ROUND_VERSION = 1;

  private final Checkpoints checkpoints;
  private final LanguageModelRuntime runtime;

  public DebateStep(Checkpoints checkpoints, LanguageModelRuntime runtime) {
    this.checkpoints = checkpoints;
    this.runtime = runtime;
  }

  /**
   * @return the answers in question order, without a step report; empty where the attempt was asked
   *     to stop between two batches
   * @throws PolyphonyException CONFIG for a range outside the question set or an unknown task; DATA
   *     where questions, answers or models are broken
   */
  public Optional<Debate.Result> run(
      Debate.Request request, StepAttempt attempt, StepProgress progress) {
    return take(List.of(request), attempt, progress).map(results -> results.get(0));
  }

  /** As {@link #run}, of all agents; their results by agent. */
  public Optional<DebateRound.Result> runRound(
      DebateRound.Request request, StepAttempt attempt, StepProgress progress) {
    requireOneRound(request);
    return take(request.turns(), attempt, progress)
        .map(results -> new DebateRound.Result(results, null));
  }

  private static void requireOneRound(DebateRound.Request round) {
    List<Debate.Request> turns = round.turns();
    for (int agent = 0; agent < Math.max(1, turns.size()); agent++) {
      if (turns.isEmpty() || !belongs(turns.get(agent), agent, round)) {
        throw new PolyphonyException(
            ErrorClass.BUG, "what was asked for are not all agents' turns of one round");
      }
    }
  }

  private static boolean belongs(Debate.Request turn, int agent, DebateRound.Request round) {
    Debate.Request first = round.turns().get(0);
    return turn.agent() == agent
        && turn.purpose() == round.purpose()
        && turn.iteration() == round.iteration()
        && turn.round() == round.round()
        && turn.from() == round.from()
        && turn.to() == round.to()
        && turn.questions().equals(first.questions())
        && turn.sampling().equals(first.sampling())
        && turn.batchSize() == first.batchSize()
        && turn.versions().equals(first.versions());
  }

  private Optional<List<Debate.Result>> take(
      List<Debate.Request> requests, StepAttempt attempt, StepProgress progress) {
    List<Turn> turns = requests.stream().map(request -> Turn.of(request, attempt)).toList();
    Debate.Request first = requests.get(0);
    SampledBatches batches =
        new SampledBatches(
            attempt,
            first.batchSize(),
            settings(first.sampling()),
            progress,
            turns.stream().mapToLong(Turn::rows).sum());
    List<Turn> summarising = turns.stream().filter(Turn::summarises).toList();
    List<ArtifactRef> models =
        Stream.concat(
                summarising.stream().map(turn -> turn.request().summariser()),
                turns.stream().map(turn -> turn.request().speaker()))
            .toList();
    Debate.Result[] results = new Debate.Result[turns.size()];
    try (Cast cast = new Cast(Speakers.open(models, checkpoints, runtime))) {
      boolean sampled =
          cast.sample(
                  summarising,
                  Debate.Request::summariser,
                  Turn::summaryRows,
                  Turn::summarised,
                  batches)
              && cast.sample(
                  turns,
                  Debate.Request::speaker,
                  Turn::answerRows,
                  (turn, rows, speakers) ->
                      results[turns.indexOf(turn)] = turn.answered(rows, speakers, attempt),
                  batches);
      return sampled ? Optional.of(List.of(results)) : Optional.empty();
    }
  }

  private interface Asking {
    List<SampledBatches.Row> rows(Turn turn, Speakers speakers);
  }

  private interface Taking {
    void take(Turn turn, List<Sampled> sampled, Speakers speakers);
  }

  /** All who speak, by base; the weights of one base are in memory at a time. */
  private record Cast(List<Speakers> bases) implements AutoCloseable {
    /**
     * Has the rows of several turns sampled, those of one base together.
     *
     * @return whether that came to its end; else the attempt was asked to stop
     */
    boolean sample(
        List<Turn> turns,
        Function<Debate.Request, ArtifactRef> who,
        Asking asking,
        Taking taking,
        SampledBatches batches) {
      for (Speakers speakers : bases) {
        List<Turn> theirs =
            turns.stream().filter(turn -> speakers.include(who.apply(turn.request()))).toList();
        if (theirs.isEmpty()) {
          continue;
        }
        bases.stream().filter(each -> each != speakers).forEach(Speakers::release);
        List<List<SampledBatches.Row>> asked =
            theirs.stream().map(turn -> asking.rows(turn, speakers)).toList();
        Optional<List<Sampled>> sampled =
            batches.sample(speakers, asked.stream().flatMap(List::stream).toList());
        if (sampled.isEmpty()) {
          return false;
        }
        int from = 0;
        for (int i = 0; i < theirs.size(); i++) {
          int to = from + asked.get(i).size();
          taking.take(theirs.get(i), sampled.get().subList(from, to), speakers);
          from = to;
        }
      }
      return true;
    }

    @Override
    public void close() {
      bases.forEach(Speakers::close);
    }
  }

  private static SamplingSettings settings(SamplingSpec spec) {
    try {
      return new SamplingSettings(spec.temperature(), spec.topP(), spec.maxNewTokens());
    } catch (IllegalArgumentException e) {
      throw new PolyphonyException(ErrorClass.CONFIG, "sampling: " + e.getMessage(), e);
    }
  }
}
