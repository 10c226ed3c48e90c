package polyphony.activities.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class JackknifeTest {
  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  @Test
  void ofAMeanItIsTheSampleStandardDeviationDividedBySqrtN() {
    // Sample variance of 1, 2, 4, 9 is (9 + 4 + 0 + 25) / 3.
    assertThat(Jackknife.standardError(List.of(1.0, 2.0, 4.0, 9.0), JackknifeTest::mean))
        .isEqualTo(Math.sqrt(38 / 3.0 / 4), within(1e-12));
  }

  @Test
  void ofARatioItIsWhatTheDeltaMethodSays() {
    SplittableRandom random = new SplittableRandom(1);
    List<double[]> questions =
        IntStream.range(0, 5000)
            .mapToObj(
                i -> {
                  double tokens = 10 + random.nextInt(20);
                  return new double[] {tokens * (0.5 + random.nextDouble()), tokens};
                })
            .toList();
    double sum = questions.stream().mapToDouble(each -> each[0]).sum();
    double tokens = questions.stream().mapToDouble(each -> each[1]).sum();
    double squares =
        questions.stream().mapToDouble(each -> Math.pow(each[0] - sum / tokens * each[1], 2)).sum();
    double delta = Math.sqrt(squares) / tokens;
    // By groups, it has an error of some 7 % itself.
    assertThat(
            Jackknife.standardError(
                questions,
                some ->
                    some.stream().mapToDouble(each -> each[0]).sum()
                        / some.stream().mapToDouble(each -> each[1]).sum()))
        .isEqualTo(delta, within(0.25 * delta));
  }

  @Test
  void whatDoesNotApplyHasNone() {
    assertThat(Jackknife.standardError(List.of(1, 2, 3), some -> null)).isNull();
    assertThat(Jackknife.standardError(List.of(1), some -> 1.0)).isNull();
  }
}
