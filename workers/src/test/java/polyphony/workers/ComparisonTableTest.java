package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.PairedDifference;
import polyphony.workflows.ComparisonResult;

class ComparisonTableTest {
  private static final Comparison.Point UNTUNED =
      new Comparison.Point(
          0,
          0.65,
          0.012,
          List.of(0.64, 0.66),
          0.515,
          0.669,
          0.095,
          0.276,
          0.0,
          0.0,
          0.0,
          0.0,
          null,
          null,
          null,
          null,
          null,
          null,
          null);
  private static final Comparison.Point TUNED =
      new Comparison.Point(
          1,
          0.744,
          0.011,
          List.of(0.74, 0.748),
          0.671,
          0.774,
          0.084,
          0.272,
          0.008,
          0.005,
          0.012,
          0.009,
          0.698,
          0.25,
          253.3,
          280.0,
          17000.0,
          30000.0,
          new ComparisonResult.Budget(1_234_567, 45_678, 123.4, 98.7));

  @Test
  void aRowIsATableAndDifferencesFollow() {
    Comparison comparison =
        new Comparison(
            List.of(
                new Comparison.Row(
                    "arithmetic",
                    "built-in",
                    "multiagent-ft",
                    List.of(0L, 1L),
                    1000,
                    List.of(UNTUNED, TUNED),
                    new ComparisonResult.Rank(1, 1)),
                new Comparison.Row(
                    "arithmetic",
                    "built-in",
                    "debate",
                    List.of(0L, 1L),
                    1000,
                    List.of(UNTUNED),
                    new ComparisonResult.Rank(2, 3))),
            List.of(
                new Comparison.Difference(
                    "multiagent-ft",
                    1,
                    "multiagent-ft",
                    0,
                    new PairedDifference(0.094, 0.016, 0.062, 0.125, List.of(0.1, 0.088), 1000)),
                new Comparison.Difference(
                    "multiagent-ft",
                    1,
                    "debate",
                    0,
                    new PairedDifference(-0.004, 0.016, -0.03, 0.02, List.of(0.0), 500))));
    assertThat(ComparisonTable.of(comparison))
        .isEqualTo(
            """
            arithmetic, base model built-in
                                                             sampled to  trained  tokens per   device
            method         iteration  accuracy ± s.e.  rank    finetune   tokens      answer  seconds
            multiagent-ft          1    0.744 ± 0.011     1        1.2M      46k         123       99
            debate           untuned    0.650 ± 0.012   2-3           –        –           –        –

            multiagent-ft: seeds 0, 1; 1000 questions
                                           one             likeli-  embedding      KL       KL      label       examples   D^C-
            iteration  accuracy ± s.e.  answer  consensus     hood    dissim.  agents  to base  precision  gen. / critic  share
            untuned      0.650 ± 0.012   0.515      0.669    0.095      0.276   0.000    0.000          –              –      –
            1            0.744 ± 0.011   0.671      0.774    0.084      0.272   0.008    0.005      0.698      253 / 280   0.25

            debate: seeds 0, 1; 1000 questions
                                           one             likeli-  embedding      KL       KL      label       examples   D^C-
            iteration  accuracy ± s.e.  answer  consensus     hood    dissim.  agents  to base  precision  gen. / critic  share
            untuned      0.650 ± 0.012   0.515      0.669    0.095      0.276   0.000    0.000          –              –      –

            paired by question                                         difference ± s.e.  in s.e.     95 % interval  questions
            multiagent-ft, iteration 1 against multiagent-ft, untuned     +0.094 ± 0.016     +5.9  +0.062 to +0.125       1000     higher
            multiagent-ft, iteration 1 against debate, untuned            -0.004 ± 0.016     -0.3  -0.030 to +0.020        500  undecided
            """);
  }

  @Test
  void anExperimentAloneHasNoDifferences() {
    assertThat(
            ComparisonTable.of(
                new Comparison(
                    List.of(
                        new Comparison.Row(
                            "arithmetic",
                            "built-in",
                            "debate",
                            List.of(0L),
                            500,
                            List.of(UNTUNED),
                            new ComparisonResult.Rank(1, 1))),
                    List.of())))
        .endsWith("–\n\n");
  }
}
