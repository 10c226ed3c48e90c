package polyphony.activities.debate;

import java.util.List;

/**
 * What one agent said on one question in one round (a line of an answers artifact). It holds the
 * whole conversation so far as token ids: the next round continues it and training uses it, so that
 * nothing is ever rendered or tokenised again.
 *
 * @param index position of the question in its set
 * @param question id of the question
 * @param agent from 0
 * @param round from 1
 * @param tokens the conversation: prompt and every answer up to this one
 * @param turns for every answer of this conversation, {@code [from, to)} in {@code tokens}; the
 *     last is this round's
 * @param text this round's answer
 * @param ended false where it was cut at the token limit
 * @param answer the final answer read from {@code text}; null where there is none
 * @param summary what the summariser said before this answer; null where there was none
 * @param messages the conversation as role and content, alternating from the first user message,
 *     this answer included
 */
public record Answer(
    int index,
    String question,
    int agent,
    int round,
    int[] tokens,
    List<int[]> turns,
    String text,
    boolean ended,
    String answer,
    String summary,
    List<String> messages) {
  /**
   * The same text, read otherwise.
   *
   * @param other the final answer; null where there is none
   */
  public Answer withAnswer(String other) {
    return new Answer(
        index, question, agent, round, tokens, turns, text, ended, other, summary, messages);
  }
}
