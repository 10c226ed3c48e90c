package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ComparisonSpecTest {
  private static ComparisonSpec spec(String json) {
    return PolyphonyDataConverter.parseComparison(json.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void theExperimentsAreAllCombinations() {
    List<ExperimentSpec> experiments =
        spec("""
                {"methods": ["base", "debate"], "tasks": ["gsm8k", {"name": "math", "levels": [1]}],
                 "baseModels": ["a", "b"], "seeds": [0, 1]}""")
            .experiments();
    assertThat(experiments)
        .extracting(
            each ->
                each.task().name()
                    + " "
                    + each.baseModel()
                    + " "
                    + each.seed()
                    + " "
                    + each.method())
        .startsWith("gsm8k a 0 base", "gsm8k a 0 debate", "gsm8k a 1 base")
        .endsWith("math b 1 debate")
        .hasSize(16)
        .doesNotHaveDuplicates();
  }

  @Test
  void whatIsCommonHoldsWhereAMethodDoesNotDecideOtherwise() {
    List<ExperimentSpec> experiments =
        spec("""
                {"methods": ["base", "star", "multiagent-ft-no-summary", "single-agent-ft-t2",
                             {"method": "debate", "agents": 2, "sampling": {"topP": 0.5}}],
                 "seeds": [7],
                 "common": {"agents": 5, "rounds": 3, "iterations": 2, "summaries": true,
                            "startFrom": "previous", "minimumVotes": 2, "criticMix": 0.25,
                            "sampling": {"temperature": 0.7, "topP": 0.8},
                            "task": {"train": 20, "evaluate": 10}}}""")
            .experiments();
    assertThat(experiments).extracting(ExperimentSpec::agents).containsExactly(null, null, 5, 5, 2);
    assertThat(experiments).extracting(ExperimentSpec::rounds).containsExactly(null, null, 3, 3, 3);
    assertThat(experiments)
        .extracting(ExperimentSpec::iterations)
        .containsExactly(null, 2, 2, 2, null);
    assertThat(experiments)
        .extracting(ExperimentSpec::summaries)
        .containsExactly(true, true, null, true, true);
    assertThat(experiments)
        .extracting(ExperimentSpec::startFrom)
        .containsExactly("previous", null, "previous", "previous", "previous");
    assertThat(experiments)
        .extracting(ExperimentSpec::minimumVotes)
        .containsExactly(null, null, 2, 2, 2);
    assertThat(experiments)
        .extracting(ExperimentSpec::sampling)
        .containsExactly(
            new SamplingSpec(0.7, 0.8, null),
            new SamplingSpec(0.7, 0.8, null),
            new SamplingSpec(0.7, 0.8, null),
            new SamplingSpec(null, 0.8, null),
            new SamplingSpec(0.7, 0.5, null));
    assertThat(experiments)
        .allSatisfy(
            each -> {
              assertThat(each.criticMix()).isEqualTo(0.25);
              assertThat(each.seed()).isEqualTo(7);
              assertThat(each.task().train()).isEqualTo(20);
            });
  }

  @Test
  void aMethodOnAnotherTaskTakesSizesAlone() {
    ExperimentSpec experiment =
        spec("""
                {"methods": [{"method": "base", "task": "gsm8k"}],
                 "common": {"task": {"name": "math", "levels": [1, 2], "evaluate": 30}}}""")
            .experiments()
            .get(0);
    assertThat(experiment.task().name()).isEqualTo("gsm8k");
    assertThat(experiment.task().levels()).isNull();
    assertThat(experiment.task().evaluate()).isEqualTo(30);
  }

  @Test
  void trainingIsMergedFieldByFieldAndRoleByRole() {
    TrainingSpec training =
        spec("""
                {"methods": [{"method": "multiagent-ft",
                              "training": {"epochs": 1, "critic": {"epochs": 3}}}],
                 "common": {"training": {"epochs": 2, "batchSize": 4,
                                         "critic": {"learningRate": 0.1},
                                         "generator": {"batchSize": 2}}}}""")
            .experiments()
            .get(0)
            .training();
    assertThat(training.epochs()).isEqualTo(1);
    assertThat(training.batchSize()).isEqualTo(4);
    assertThat(training.critic().epochs()).isEqualTo(3);
    assertThat(training.critic().learningRate()).isEqualTo(0.1);
    assertThat(training.generator().batchSize()).isEqualTo(2);
  }

  @Test
  void whatIsComparedBeginsAnew() {
    String fork = "\"fork\": {\"experiment\": \"x\", \"iteration\": 2}";
    ComparisonSpec common = spec("{\"common\": {" + fork + "}}");
    ComparisonSpec one = spec("{\"methods\": [\"base\", {\"agents\": 2, " + fork + "}]}");
    String because =
        " is set, allowed: leaving it out, since all experiments of a comparison begin anew;"
            + " polyphony fork makes one, and polyphony compare takes it by its name";
    for (ComparisonSpec each : List.of(common, common.withQuestions(20))) {
      assertThatThrownBy(each::experiments)
          .isInstanceOf(InvalidSpecException.class)
          .hasMessage("common.fork" + because);
    }
    assertThatThrownBy(one::experiments)
        .isInstanceOf(InvalidSpecException.class)
        .hasMessage("methods[1].fork" + because);
  }

  @Test
  void thereIsALimit() {
    assertThatThrownBy(
            () ->
                spec("{}")
                    .withSeeds(java.util.stream.LongStream.range(0, 100).boxed().toList())
                    .experiments())
        .isInstanceOf(InvalidSpecException.class)
        .hasMessage("there are 600 experiments, allowed: up to 500");
  }

  @Test
  void aNameIsDerivedFromEverythingButTheName() {
    String derived = ExperimentNames.derive(spec("{\"seeds\": [1]}"));
    assertThat(derived).matches("comparison-[0-9a-f]{8}");
    assertThat(ExperimentNames.derive(spec("{\"seeds\": [1], \"comparison\": \"x\"}")))
        .isEqualTo(derived);
    assertThat(ExperimentNames.derive(spec("{\"seeds\": [2]}"))).isNotEqualTo(derived);
  }

  @Test
  void sizesCanBeChangedForAll() {
    assertThat(spec("{\"common\": {\"agents\": 2}}").withQuestions(20).experiments())
        .allSatisfy(
            each -> {
              assertThat(each.task().train()).isEqualTo(20);
              assertThat(each.task().evaluate()).isEqualTo(20);
            });
  }
}
