package polyphony.activities.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Standard errors of whatever is computed from questions: it is computed again with a part of them
 * left out, every part once (Quenouille and Tukey's jackknife by groups). With g parts and values
 * v_1 … v_g: sqrt((g - 1)/g Σ (v_i - mean)²). Of a plain mean over at most {@value #GROUPS}
 * questions this is exactly the sample standard deviation divided by sqrt(n).
 */
final class Jackknife {
  static final int GROUPS = 100;

  private Jackknife() {}

  /**
   * @param statistic null where it does not apply
   * @return null where it does not apply, or where there are not two questions
   */
  static <T> Double standardError(List<T> questions, Function<List<T>, Double> statistic) {
    int groups = Math.min(GROUPS, questions.size());
    if (groups < 2) {
      return null;
    }
    List<Double> values = new ArrayList<>();
    for (int group = 0; group < groups; group++) {
      List<T> rest = new ArrayList<>(questions.size());
      for (int i = 0; i < questions.size(); i++) {
        if (i % groups != group) {
          rest.add(questions.get(i));
        }
      }
      values.add(statistic.apply(rest));
    }
    if (values.stream().anyMatch(Objects::isNull)) {
      return null;
    }
    double mean = values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    double squares = values.stream().mapToDouble(each -> (each - mean) * (each - mean)).sum();
    return Math.sqrt((groups - 1) / (double) groups * squares);
  }
}
