package polyphony.activities.debate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Answers whose tokens tell who said them: {@code 1000 * agent + 100 * round + position}. */
public final class TestAnswers {
  private static final int PROMPT_TOKENS = 3;
  private static final int ANSWER_TOKENS = 2;

  private TestAnswers() {}

  /** The id of an agent's token, prompts included. */
  public static int agentOf(int token) {
    return token / 1000;
  }

  /**
   * @param answer null where it could not be read
   */
  public static Answer answer(int index, int agent, int round, String answer, boolean ended) {
    int turn = PROMPT_TOKENS + ANSWER_TOKENS;
    int[] tokens =
        IntStream.range(0, round * turn)
            .map(i -> 1000 * agent + 100 * (1 + i / turn) + i % turn)
            .toArray();
    List<int[]> turns = new ArrayList<>();
    List<String> messages = new ArrayList<>();
    for (int i = 0; i < round; i++) {
      turns.add(new int[] {i * turn + PROMPT_TOKENS, (i + 1) * turn});
      messages.addAll(Arrays.asList("asked", "said"));
    }
    return new Answer(
        index,
        "question-" + index,
        agent,
        round,
        tokens,
        turns,
        "said",
        ended,
        answer,
        null,
        messages);
  }
}
