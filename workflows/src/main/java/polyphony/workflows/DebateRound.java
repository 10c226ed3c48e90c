package polyphony.workflows;

import java.util.List;

/**
 * One round of all agents at once, on one range of questions: agents that are adapters over one
 * base answer in shared batches.
 */
public final class DebateRound {
  /**
   * Everything that decides the answers; the step's key is derived from it. What all turns have in
   * common stands beside them, so that whoever reads the record need not look into them.
   *
   * @param from first question of the range
   * @param to one past the last
   * @param turns by agent; each as the agent's turn alone would be
   */
  public record Request(
      Purpose purpose, int iteration, int round, int from, int to, List<Debate.Request> turns) {
    public Request {
      turns = List.copyOf(turns);
    }

    /**
     * @param turns by agent, of one round on one range; at least one
     */
    public static Request of(List<Debate.Request> turns) {
      Debate.Request first = turns.get(0);
      return new Request(
          first.purpose(), first.iteration(), first.round(), first.from(), first.to(), turns);
    }
  }

  /**
   * @param turns by agent; how they were come by stands beside them
   */
  public record Result(List<Debate.Result> turns, StepReport step) {
    public Result {
      turns = List.copyOf(turns);
    }

    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(turns, how);
    }
  }

  private DebateRound() {}
}
