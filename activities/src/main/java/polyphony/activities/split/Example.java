package polyphony.activities.split;

import java.util.List;

/**
 * One training example (a line of a training set): the very tokens that were sampled, after the
 * very prompt that they answered.
 *
 * @param question id of the question
 * @param tokens the whole conversation
 * @param trained {@code [from, to)} ranges of {@code tokens} whose prediction counts in the loss
 * @param kind {@code first-answer}, {@code corrected}, {@code confirmed} or {@code unfiltered}
 */
public record Example(String question, int[] tokens, List<int[]> trained, String kind) {}
