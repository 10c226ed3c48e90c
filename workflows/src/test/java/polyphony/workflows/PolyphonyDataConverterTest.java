package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.temporal.api.common.v1.Payload;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DataConverterException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolyphonyDataConverterTest {
  private final DataConverter converter = PolyphonyDataConverter.create();

  private static Payload payload(String json) {
    return Payload.newBuilder()
        .putMetadata("encoding", ByteString.copyFromUtf8("json/plain"))
        .setData(ByteString.copyFromUtf8(json))
        .build();
  }

  @Test
  void aTextIsAMethodsName() {
    assertThat(PolyphonyDataConverter.parse("\"debate\"").method()).isEqualTo("debate");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"agentz\": 3} | agentz is not a field, allowed: agents, baseModel, criticLoss, criticMix, embeddingModel, evaluateOn, experiment, fork, iterations, likelihoodModel, method, minimumVotes, promptSet, questions, rounds, sampling, seed, startFrom, summaries, task, tieRule, training",
        "{\"task\": {\"sise\": 3}} | task.sise is not a field, allowed: answers, checker, data, evaluate, evaluateSplit, extractor, levels, name, operands, train",
        "{\"training\": {\"critic\": {\"rate\": 1}}} | training.critic.rate is not a field, allowed: alpha, batchSize, clipNorm, critic, dropout, epochs, generator, learningRate, rank, recompute, schedule, targets, tuning, warmupShare, weightDecay",
        "{\"agents\": \"three\"} | agents must be a whole number",
        "{\"agents\": \"3\"} | agents must be a whole number",
        "{\"agents\": 3.5} | agents must be a whole number",
        "{\"agents\": [3]} | agents must be a whole number",
        "{\"agents\": true} | agents must be a whole number",
        "{\"seed\": \"x\"} | seed must be a whole number",
        "{\"criticMix\": \"half\"} | criticMix must be a number",
        "{\"summaries\": 1} | summaries must be true or false",
        "{\"summaries\": \"yes\"} | summaries must be true or false",
        "{\"method\": 5} | method must be a text in quotes",
        "{\"method\": {}} | method must be a text in quotes",
        "{\"task\": 5} | task must be a task's name in quotes or a JSON object",
        "{\"task\": {\"levels\": 3}} | task.levels must be a list in brackets",
        "{\"task\": []} | task must be a task's name in quotes or a JSON object",
        "{\"sampling\": 1} | sampling must be a JSON object",
        "[] | the input must be a JSON object or a method's name in quotes",
        "5 | the input must be a JSON object or a method's name in quotes"
      })
  void whatCannotBeReadIsNamedForWorkflowsAndTheCommandLineAlike(String json, String message) {
    assertThatThrownBy(() -> PolyphonyDataConverter.parse(json))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(message);
    assertThatThrownBy(
            () -> converter.fromPayload(payload(json), ExperimentSpec.class, ExperimentSpec.class))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "{\"agents\": }",
        "{} {}",
        "{\"agents\": 99999999999}",
        "{\"agents\": 1, \"agents\": 2}",
        "{\"criticMix\": NaN}"
      })
  void brokenJsonIsRefusedWithAReason(String json) {
    assertThatThrownBy(() -> PolyphonyDataConverter.parse(json))
        .isInstanceOf(InvalidInputException.class)
        .message()
        .isNotBlank()
        .doesNotContain("\n", "polyphony.");
  }

  @Test
  void anOversizedInputIsRefused() {
    assertThatThrownBy(() -> PolyphonyDataConverter.parse(new byte[(1 << 20) + 1]))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("allowed: up to 1048576");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " \n", "null", "{}"})
  void nothingAtAllIsAnEmptySpec(String json) {
    assertThat(PolyphonyDataConverter.parse(json)).isEqualTo(ExperimentSpec.empty());
  }

  @Test
  void aSpecSurvivesItsPayload() {
    ExperimentSpec spec = SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE);
    assertThat(
            converter.fromPayload(
                converter.toPayload(spec).orElseThrow(),
                ExperimentSpec.class,
                ExperimentSpec.class))
        .isEqualTo(spec);
  }

  @Test
  void thePayloadOfASpecShowsWhatWasAskedForAndNothingElse() {
    assertThat(
            converter
                .toPayload(
                    PolyphonyDataConverter.parse("{\"agents\": 2, \"task\": {\"train\": 4}}"))
                .orElseThrow()
                .getData()
                .toStringUtf8())
        .isEqualTo("{\"task\":{\"train\":4},\"agents\":2}");
  }

  @Test
  void otherPayloadsKeepTemporalsOwnBehaviour() {
    assertThatThrownBy(
            () ->
                converter.fromPayload(
                    payload("{\"unknown\": 1}"), StepReport.class, StepReport.class))
        .isInstanceOf(DataConverterException.class)
        .isNotInstanceOf(InvalidInputException.class);
  }
}
