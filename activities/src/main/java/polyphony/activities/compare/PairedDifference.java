package polyphony.activities.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The difference of two accuracies on the same questions.
 *
 * @param difference mean over all questions of all seeds of (first right) - (second right)
 * @param standardError of that mean: sample standard deviation of the questions' differences,
 *     divided by sqrt(questions)
 * @param low lower end of the 95 % interval of a paired bootstrap over seeds and questions
 * @param high its upper end
 * @param bySeed the difference of each seed
 * @param questions pairs, of all seeds together
 */
public record PairedDifference(
    double difference,
    double standardError,
    double low,
    double high,
    List<Double> bySeed,
    int questions) {
  private static final int RESAMPLES = 4000;

  public PairedDifference {
    bySeed = List.copyOf(bySeed);
  }

  /**
   * @param ones by seed, then by question: whether the first was right
   * @param others the same of the second
   */
  public static PairedDifference of(List<boolean[]> ones, List<boolean[]> others) {
    List<int[]> differences = new ArrayList<>();
    for (int seed = 0; seed < ones.size(); seed++) {
      differences.add(differences(ones.get(seed), others.get(seed)));
    }
    long questions = 0;
    double sum = 0;
    double squares = 0;
    for (int[] seed : differences) {
      questions += seed.length;
      for (int each : seed) {
        sum += each;
        squares += each * each;
      }
    }
    double mean = sum / questions;
    double variance = (squares - questions * mean * mean) / Math.max(1, questions - 1);
    double[] resampled = resampled(differences);
    return new PairedDifference(
        mean,
        Math.sqrt(Math.max(0, variance) / questions),
        resampled[(int) Math.floor(0.025 * (RESAMPLES - 1))],
        resampled[(int) Math.ceil(0.975 * (RESAMPLES - 1))],
        differences.stream().map(each -> Arrays.stream(each).average().orElseThrow()).toList(),
        (int) questions);
  }

  /** How many standard errors the difference is from 0; 0 where there is no difference at all. */
  public double standardErrors() {
    return difference == 0 ? 0 : difference / standardError;
  }

  /** Whether the interval leaves open which of the two is better. */
  public boolean undecided() {
    return low <= 0 && high >= 0;
  }

  private static int[] differences(boolean[] ones, boolean[] others) {
    if (ones.length != others.length || ones.length == 0) {
      throw new IllegalArgumentException(ones.length + " and " + others.length + " answers");
    }
    int[] differences = new int[ones.length];
    for (int i = 0; i < ones.length; i++) {
      differences[i] = (ones[i] ? 1 : 0) - (others[i] ? 1 : 0);
    }
    return differences;
  }

  /** Means of resamples, ascending: seeds with replacement, and of each its questions. */
  private static double[] resampled(List<int[]> differences) {
    SplittableRandom random = new SplittableRandom(0);
    double[] means = new double[RESAMPLES];
    for (int i = 0; i < RESAMPLES; i++) {
      double sum = 0;
      long count = 0;
      for (int drawn = 0; drawn < differences.size(); drawn++) {
        int[] seed = differences.get(random.nextInt(differences.size()));
        for (int question = 0; question < seed.length; question++) {
          sum += seed[random.nextInt(seed.length)];
        }
        count += seed.length;
      }
      means[i] = sum / count;
    }
    Arrays.sort(means);
    return means;
  }
}
