package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.Forecast;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.SpecDefaults;

class RunSummaryTest {
  private final RunSummary summary = RunSummary.of(Reports.result(), 0.0123, 1_234_567_890L);

  @Test
  void theShapeIsTheDocumentedOne() throws Exception {
    JsonNode json = new ObjectMapper().readTree(summary.json());
    assertThat(json.properties().stream().map(Map.Entry::getKey))
        .containsExactly(
            "experiment",
            "method",
            "task",
            "seed",
            "iterations",
            "phases",
            "orchestrationShare",
            "computedSteps",
            "reusedSteps",
            "peakMemoryBytes");
    assertThat(json.path("iterations").path(1).properties().stream().map(Map.Entry::getKey))
        .containsExactly(
            "iteration",
            "accuracy",
            "standardError",
            "consensus",
            "likelihood",
            "embeddingDissimilarity",
            "klBetweenAgents",
            "klToBase",
            "labelPrecision",
            "generatorExamples",
            "criticExamples",
            "weights");
  }

  @Test
  void everyValueIsTheRuns() throws Exception {
    JsonNode json = new ObjectMapper().readTree(summary.json());
    assertThat(json.path("experiment").asText()).isEqualTo("mine");
    assertThat(json.path("method").asText()).isEqualTo("multiagent-ft");
    assertThat(json.path("task").asText()).isEqualTo("arithmetic");
    assertThat(json.path("seed").asLong(-1)).isZero();
    assertThat(json.path("orchestrationShare").asDouble()).isEqualTo(0.0123);
    assertThat(json.path("computedSteps").asInt()).isEqualTo(20);
    assertThat(json.path("reusedSteps").asInt()).isEqualTo(3);
    assertThat(json.path("peakMemoryBytes").asLong()).isEqualTo(1_234_567_890L);
    assertThat(json.path("phases").path("train").asDouble()).isEqualTo(12.5);
    JsonNode untuned = json.path("iterations").path(0);
    assertThat(untuned.path("iteration").asInt(-1)).isZero();
    assertThat(untuned.path("labelPrecision").isNull()).isTrue();
    assertThat(untuned.path("weights").path("generator-1").asText()).hasSize(64);
    JsonNode tuned = json.path("iterations").path(1);
    assertThat(tuned.path("accuracy").asDouble()).isEqualTo(0.546);
    assertThat(tuned.path("standardError").asDouble()).isEqualTo(0.02227);
    assertThat(tuned.path("klToBase").asDouble()).isEqualTo(0.1);
    assertThat(tuned.path("generatorExamples"))
        .extracting(JsonNode::asInt)
        .isEqualTo(List.of(312, 298, 305));
  }

  @Test
  void undecidedComparisonsAreThereWhereThereAreAny() throws Exception {
    RunSummary.Iteration iteration = RunSummary.Iteration.of(Reports.undecided(1, 7));
    assertThat(new ObjectMapper().readTree(PrettyJson.of(iteration)).path("undecided").asInt())
        .isEqualTo(7);
  }

  @Test
  void anotherTaskThatWasEvaluatedOnIsNamed() throws Exception {
    ExperimentResult own = Reports.result();
    Experiment experiment = own.experiment();
    ExperimentResult transfer =
        new ExperimentResult(
            new Experiment(
                experiment.name(),
                SpecDefaults.complete(
                    PolyphonyDataConverter.parse(
                        "{\"evaluateOn\": {\"name\": \"arithmetic\", \"operands\": 60}}"),
                    ModelDefaults.NONE),
                experiment.base(),
                experiment.trainQuestions(),
                experiment.evaluateQuestions(),
                experiment.prompts(),
                experiment.plan(),
                experiment.versions()),
            own.iterations(),
            own.phases(),
            20,
            3,
            new Forecast.Outcome(new Forecast(20, 3, 60, 90, 1000, 2000, 2), 66));
    JsonNode json = new ObjectMapper().readTree(RunSummary.of(transfer, null, null).json());
    assertThat(json.path("task").asText()).isEqualTo("arithmetic");
    assertThat(json.path("evaluateOn").asText()).isEqualTo("arithmetic with operands up to 60");
    assertThat(json.at("/forecast/forecast/seconds").asDouble()).isEqualTo(60);
    assertThat(json.at("/forecast/seconds").asDouble()).isEqualTo(66);
  }

  @Test
  void theLargestResidentSizeIsInBytes() {
    assertThat(ProcessMemory.peakBytes(List.of("VmPeak:\t 9 kB", "VmHWM:\t    1024 kB")))
        .isEqualTo(1L << 20);
    assertThat(ProcessMemory.peakBytes(List.of("VmPeak:\t 9 kB"))).isNull();
  }
}
