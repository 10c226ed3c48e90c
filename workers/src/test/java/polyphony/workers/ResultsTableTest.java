package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResultsTableTest {
  @Test
  void numbersAreAlignedUnderTheirHeadings() {
    assertThat(ResultsTable.of(List.of(Reports.untuned(), Reports.tuned(1), Reports.tuned(12))))
        .isEqualTo(
            """
                                                   likeli-  embedding      KL       KL      label       examples
            iteration  accuracy ± s.e.  consensus     hood    dissim.  agents  to base  precision  gen. / critic
            untuned      0.412 ± 0.022      0.633    0.412      0.052   0.000    0.000          –              –
            1            0.546 ± 0.022      0.709    0.390      0.061   0.032    0.100      0.812      915 / 491
            12           0.546 ± 0.022      0.709    0.390      0.061   0.032    0.100      0.812      915 / 491
            """);
  }

  @Test
  void noLineIsWiderThanAHundredColumns() {
    assertThat(ResultsTable.of(List.of(Reports.untuned(), Reports.tuned(100))).lines())
        .allMatch(line -> line.length() <= 100);
  }

  @Test
  void aNarrowTerminalGetsTheColumnsThatMatterMost() {
    assertThat(ResultsTable.of(List.of(Reports.untuned(), Reports.tuned(1)), 60))
        .isEqualTo(
            """
                                                       label
            iteration  accuracy ± s.e.  consensus  precision
            untuned      0.412 ± 0.022      0.633          –
            1            0.546 ± 0.022      0.709      0.812
            a wider terminal, or --json, shows more columns
            """);
    for (int width = 48; width <= 110; width++) {
      int limit = width;
      assertThat(ResultsTable.of(List.of(Reports.untuned(), Reports.tuned(1)), width).lines())
          .allMatch(line -> line.length() <= limit);
    }
  }

  @Test
  void measuresThatDoNotApplyAreDashes() {
    assertThat(ResultsTable.of(List.of(Reports.alone())).lines().skip(2))
        .singleElement()
        .asString()
        .containsSubsequence("0.500 ± 0.158", "1.000", "–", "–", "–", "–", "–", "–");
  }

  @Test
  void comparisonsThatCameToNothingAreCountedBelow() {
    assertThat(ResultsTable.of(List.of(Reports.untuned(), Reports.undecided(1, 1))).lines().skip(4))
        .containsExactly(
            "1 comparison of answers undecided: not understood, or too costly; counted as different");
    assertThat(ResultsTable.of(List.of(Reports.undecided(1, 100), Reports.undecided(2, 34))))
        .endsWith(
            "134 comparisons of answers undecided: not understood, or too costly; counted as"
                + " different\n")
        .satisfies(table -> assertThat(table.lines()).allMatch(line -> line.length() <= 100));
  }

  @Test
  void anIterationIsOneLine() {
    assertThat(ResultsTable.line(Reports.untuned()))
        .isEqualTo("untuned society: accuracy 0.412 ± 0.022, consensus 0.633");
    assertThat(ResultsTable.line(Reports.tuned(2)))
        .isEqualTo(
            "iteration 2: accuracy 0.546 ± 0.022, consensus 0.709, 81.2 % of the labels right,"
                + " 915 / 491 examples");
  }
}
