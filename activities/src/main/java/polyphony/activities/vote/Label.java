package polyphony.activities.vote;

import java.util.List;

/**
 * The outcome of one question's vote (a line of a votes artifact).
 *
 * @param index position of the question in its set
 * @param question its id
 * @param label the majority answer; null where there is none
 * @param votes by agent: the answer it voted for, null where its answer could not be read
 * @param agreeing how many agents voted for the label
 * @param tied whether several answers had most votes
 */
public record Label(
    int index, String question, String label, List<String> votes, int agreeing, boolean tied) {
  /** Share of the agents that voted for the label, in [0, 1]; 0 where there is none. */
  public double share() {
    return label == null ? 0 : agreeing / (double) votes.size();
  }
}
