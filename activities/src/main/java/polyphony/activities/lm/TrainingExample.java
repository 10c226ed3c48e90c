package polyphony.activities.lm;

/**
 * One text to train on.
 *
 * @param tokens the whole text, prompt included
 * @param trained same length; where true, predicting this token counts in the loss. {@code
 *     trained[0]} is false, since nothing precedes it.
 */
public record TrainingExample(int[] tokens, boolean[] trained) {
  public TrainingExample {
    if (tokens.length != trained.length || tokens.length < 2 || trained[0]) {
      throw new IllegalArgumentException("tokens and mask disagree");
    }
  }

  /** How many tokens count in the loss. */
  public int trainedTokens() {
    int count = 0;
    for (boolean each : trained) {
      count += each ? 1 : 0;
    }
    return count;
  }
}
