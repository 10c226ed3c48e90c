package polyphony.activities.ask;

import java.util.List;
import java.util.Map;
import polyphony.workflows.SamplingSpec;

/**
 * What a society made of a question.
 *
 * @param setting who was asked, and how
 * @param turns as they were taken: by round, then by agent
 * @param vote over the last round's answers
 * @param answer the society's; null where it has none
 * @param truth the true answer, where the question is one of those that the experiment is evaluated
 *     on; else null
 * @param right whether {@code answer} is {@code truth}; null where that is not known
 */
public record AskedDebate(
    Setting setting, List<Turn> turns, Vote vote, String answer, String truth, Boolean right) {
  public AskedDebate {
    turns = List.copyOf(turns);
  }

  /**
   * @param iteration 0 for the untuned society
   * @param iterations finished ones
   * @param weights SHA-256 of the weights file of {@code generator-1}, {@code critic-1}, … of all
   *     who speak, and of the {@code summariser} where there is one
   */
  public record Setting(
      String experiment,
      int iteration,
      int iterations,
      String method,
      String question,
      int agents,
      int rounds,
      long seed,
      SamplingSpec sampling,
      Map<String, String> weights) {}

  /**
   * One agent's turn.
   *
   * @param round from 1
   * @param agent from 1
   * @param weights SHA-256 of the weights file of the model that speaks
   * @param read what it was shown of the others: their summary, or else each answer
   * @param text what it says
   * @param ended false where it was cut at the token limit
   * @param answer the final answer read from {@code text}; null where there is none
   */
  public record Turn(
      int round,
      int agent,
      String weights,
      List<Read> read,
      String text,
      boolean ended,
      String answer) {
    public Turn {
      read = List.copyOf(read);
    }
  }

  /**
   * What an agent was shown.
   *
   * @param agent whose answer it is, from 1; null of a summary of all others
   */
  public record Read(Integer agent, String text) {}

  /**
   * @param answer the majority's; null where there is none
   * @param agreeing how many agents gave it
   * @param tied whether several answers had most votes
   */
  public record Vote(String answer, int agreeing, boolean tied, List<Ballot> ballots) {
    public Vote {
      ballots = List.copyOf(ballots);
    }
  }

  /**
   * @param agent from 1
   * @param answer null where it could not be read
   * @param agrees with the majority
   */
  public record Ballot(int agent, String answer, boolean agrees) {}
}
