package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.activities.compare.Comparison;
import polyphony.workflows.ComparisonResult;

class ComparisonCsvTest {
  @Test
  void oneLinePerMethodAndIterationAndWhatDoesNotApplyIsEmpty() {
    Comparison.Point untuned =
        new Comparison.Point(
            0,
            0.5,
            0.1,
            List.of(0.5),
            0.4,
            0.7,
            null,
            0.2,
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
    Comparison.Point tuned =
        new Comparison.Point(
            1,
            0.75,
            0.1,
            List.of(0.75),
            0.6,
            0.8,
            0.3,
            0.2,
            0.01,
            0.02,
            0.03,
            0.04,
            0.9,
            0.5,
            10.0,
            12.0,
            100.0,
            200.0,
            new ComparisonResult.Budget(1000, 300, 25.5, 60));
    assertThat(
            ComparisonCsv.of(
                new Comparison(
                    List.of(
                        new Comparison.Row(
                            "math, levels 1, 2",
                            "built-in",
                            "debate",
                            List.of(0L, 1L),
                            20,
                            List.of(untuned, tuned),
                            new ComparisonResult.Rank(1, 2))),
                    List.of())))
        .isEqualTo(
            """
            task,baseModel,method,seeds,questions,iteration,accuracy,standardError,rank,firstRoundAccuracy,consensus,likelihood,embeddingDissimilarity,klBetweenAgents,klToBase,generatorKlBetweenAgents,generatorKlToBase,labelPrecision,generatorExamples,criticExamples,sampledTokens,trainedTokens,answerTokens,deviceSeconds
            "math, levels 1, 2",built-in,debate,"0 1",20,0,0.5,0.1,,0.4,0.7,,0.2,0.0,0.0,0.0,0.0,,,,,,,
            "math, levels 1, 2",built-in,debate,"0 1",20,1,0.75,0.1,1-2,0.6,0.8,0.3,0.2,0.01,0.02,0.03,0.04,0.9,10.0,12.0,1000.0,300.0,25.5,60.0
            """);
  }
}
