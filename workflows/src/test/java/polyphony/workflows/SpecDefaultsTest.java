package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SpecDefaultsTest {
  private static ExperimentSpec complete(String json) {
    return SpecDefaults.complete(PolyphonyDataConverter.parse(json), ModelDefaults.NONE);
  }

  private static String json(ExperimentSpec spec) throws JsonProcessingException {
    return PolyphonyDataConverter.write(PolyphonyDataConverter.toTree(spec));
  }

  @Test
  void everyDefaultIsPinned() throws Exception {
    assertThat(json(complete("{}")))
        .isEqualTo(
            "{\"method\":\"multiagent-ft\","
                + "\"task\":{\"name\":\"arithmetic\",\"train\":500,\"evaluate\":500,"
                + "\"evaluateSplit\":\"evaluate\"},"
                + "\"baseModel\":\"built-in\",\"agents\":3,\"rounds\":2,\"iterations\":3,"
                + "\"seed\":0,\"summaries\":true,\"questions\":\"fixed\",\"tieRule\":\"random\","
                + "\"minimumVotes\":1,\"criticMix\":0.5,\"criticLoss\":\"last-turn\","
                + "\"startFrom\":\"previous\","
                + "\"sampling\":{\"temperature\":1.0,\"topP\":0.9,\"maxNewTokens\":2048},"
                + "\"training\":{\"tuning\":\"full\",\"epochs\":2,\"batchSize\":8,"
                + "\"learningRate\":1.0E-5,\"schedule\":\"cosine\",\"warmupShare\":0.03,"
                + "\"weightDecay\":0.0,\"clipNorm\":1.0},"
                + "\"likelihoodModel\":\"self\",\"embeddingModel\":\"base\","
                + "\"promptSet\":\"standard\"}");
  }

  @Test
  void explicitFieldsStay() throws Exception {
    String spec =
        "{\"experiment\":\"mine\",\"method\":\"single-agent-ft\","
            + "\"task\":{\"name\":\"gsm8k\",\"train\":10,\"evaluate\":20,\"evaluateSplit\":\"validate\"},"
            + "\"baseModel\":\"phi-3\",\"agents\":5,\"rounds\":3,\"iterations\":7,"
            + "\"seed\":9,\"summaries\":false,\"questions\":\"fixed\",\"tieRule\":\"skip\","
            + "\"minimumVotes\":2,\"criticMix\":0.25,\"criticLoss\":\"all-turns\","
            + "\"startFrom\":\"base\","
            + "\"sampling\":{\"temperature\":2.0,\"topP\":1.0,\"maxNewTokens\":64},"
            + "\"training\":{\"tuning\":\"full\",\"epochs\":1,\"batchSize\":4,"
            + "\"learningRate\":0.001,\"schedule\":\"linear\",\"warmupShare\":0.5,"
            + "\"weightDecay\":0.1,\"clipNorm\":0.0,\"generator\":{\"epochs\":4},"
            + "\"critic\":{\"learningRate\":0.002}},"
            + "\"likelihoodModel\":\"self\",\"embeddingModel\":\"base\","
            + "\"promptSet\":\"compact\"}";
    ModelDefaults model =
        new ModelDefaults(
            "other",
            true,
            0.9,
            "last-turn",
            new SamplingSpec(0.1, 0.1, 1),
            new TrainingSpec("full", 9, 9, 0.9, "constant", 0.9, 0.9, 0.9, null, null));
    assertThat(json(SpecDefaults.complete(PolyphonyDataConverter.parse(spec), model)))
        .isEqualTo(spec);
  }

  @Test
  void theModelsDefaultsGoBeforeTheGeneralOnes() {
    ModelDefaults model =
        new ModelDefaults(
            "compact",
            false,
            0.75,
            "all-turns",
            new SamplingSpec(null, 1.0, 96),
            new TrainingSpec(
                null, 3, null, 1e-3, null, null, null, null, null, training(null, 5e-4)));
    ExperimentSpec spec = SpecDefaults.complete(ExperimentSpec.empty(), model);
    assertThat(spec.promptSet()).isEqualTo("compact");
    assertThat(spec.summaries()).isFalse();
    assertThat(spec.criticMix()).isEqualTo(0.75);
    assertThat(spec.criticLoss()).isEqualTo("all-turns");
    assertThat(spec.sampling()).isEqualTo(new SamplingSpec(1.0, 1.0, 96));
    assertThat(spec.training().forRole(Role.GENERATOR))
        .isEqualTo(new TrainingSpec("full", 3, 8, 1e-3, "cosine", 0.03, 0.0, 1.0, null, null));
    assertThat(spec.training().forRole(Role.CRITIC).learningRate()).isEqualTo(5e-4);
  }

  @Test
  void whatIsAskedForBothRolesGoesBeforeTheModelsOverrideForOne() {
    ModelDefaults model =
        new ModelDefaults(
            null,
            null,
            null,
            null,
            null,
            new TrainingSpec(
                null, null, null, null, null, null, null, null, null, training(7, 5e-4)));
    ExperimentSpec spec =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse("{\"training\": {\"learningRate\": 0.01}}"), model);
    assertThat(spec.training().forRole(Role.CRITIC).learningRate()).isEqualTo(0.01);
    assertThat(spec.training().forRole(Role.CRITIC).epochs()).isEqualTo(7);
  }

  private static final String LORA_SHAPE =
      "\"rank\":8,\"alpha\":16.0,\"dropout\":0.0,\"targets\":[\"all-linear\"]";

  private static String training(ExperimentSpec spec) throws JsonProcessingException {
    return PolyphonyDataConverter.write(PolyphonyDataConverter.toTree(spec.training()));
  }

  @Test
  void everyDefaultOfLoraIsPinned() throws Exception {
    assertThat(training(complete("{\"training\": {\"tuning\": \"lora\"}}")))
        .isEqualTo(
            "{\"tuning\":\"lora\",\"epochs\":2,\"batchSize\":8,\"learningRate\":1.0E-4,"
                + "\"schedule\":\"cosine\",\"warmupShare\":0.03,\"weightDecay\":0.0,\"clipNorm\":1.0,"
                + LORA_SHAPE
                + "}");
  }

  @Test
  void aRateThatNobodyAskedForIsTakenTenTimesForAnAdapterTheModelsOwnToo() {
    ModelDefaults model =
        new ModelDefaults(
            null,
            null,
            null,
            null,
            null,
            new TrainingSpec(
                "full", null, null, 3e-4, null, null, null, null, null, training(null, 6e-4)));
    TrainingSpec lora =
        SpecDefaults.complete(
                PolyphonyDataConverter.parse("{\"training\": {\"tuning\": \"lora\"}}"), model)
            .training();
    assertThat(lora.forRole(Role.GENERATOR).learningRate()).isEqualTo(3e-3);
    assertThat(lora.forRole(Role.CRITIC).learningRate()).isEqualTo(6e-3);
    TrainingSpec asked =
        SpecDefaults.complete(
                PolyphonyDataConverter.parse(
                    "{\"training\": {\"tuning\": \"lora\", \"learningRate\": 0.002}}"),
                model)
            .training();
    assertThat(asked.forRole(Role.GENERATOR).learningRate()).isEqualTo(2e-3);
    assertThat(asked.forRole(Role.CRITIC).learningRate()).isEqualTo(2e-3);
    TrainingSpec full = SpecDefaults.complete(ExperimentSpec.empty(), model).training();
    assertThat(full.forRole(Role.CRITIC).learningRate()).isEqualTo(6e-4);
  }

  @Test
  void theRateOfAModelThatIsMeantForAdaptersStays() {
    TrainingSpec own =
        new TrainingSpec(
            "lora", null, null, 2e-3, null, null, null, null, null, null, 4, null, null, null,
            null);
    ModelDefaults model = new ModelDefaults(null, null, null, null, null, own);
    TrainingSpec lora = SpecDefaults.complete(ExperimentSpec.empty(), model).training();
    assertThat(lora.learningRate()).isEqualTo(2e-3);
    assertThat(lora.rank()).isEqualTo(4);
    assertThat(lora.alpha()).isEqualTo(8.0);
    TrainingSpec full =
        SpecDefaults.complete(
                PolyphonyDataConverter.parse("{\"training\": {\"tuning\": \"full\"}}"), model)
            .training();
    assertThat(full.learningRate()).isEqualTo(2e-4);
    assertThat(full.rank()).isNull();
  }

  @Test
  void rolesMayBeTunedInDifferentWays() throws Exception {
    ExperimentSpec generators =
        complete("{\"training\": {\"generator\": {\"tuning\": \"lora\", \"rank\": 4}}}");
    assertThat(training(generators))
        .isEqualTo(
            "{\"tuning\":\"full\",\"epochs\":2,\"batchSize\":8,\"learningRate\":1.0E-5,"
                + "\"schedule\":\"cosine\",\"warmupShare\":0.03,\"weightDecay\":0.0,\"clipNorm\":1.0,"
                + "\"generator\":{\"tuning\":\"lora\",\"learningRate\":1.0E-4,"
                + "\"rank\":4,\"alpha\":8.0,\"dropout\":0.0,\"targets\":[\"all-linear\"]}}");
    assertThat(generators.training().forRole(Role.CRITIC).learningRate()).isEqualTo(1e-5);
    ExperimentSpec critics =
        complete("{\"training\": {\"tuning\": \"lora\", \"critic\": {\"tuning\": \"full\"}}}");
    assertThat(critics.training().forRole(Role.CRITIC))
        .isEqualTo(complete("{}").training().forRole(Role.CRITIC));
    assertThat(critics.training().forRole(Role.GENERATOR))
        .isEqualTo(
            complete("{\"training\": {\"tuning\": \"lora\"}}").training().forRole(Role.GENERATOR));
  }

  @Test
  void anotherRankOfOneRoleHasItsOwnAlpha() {
    TrainingSpec training =
        complete("{\"training\": {\"tuning\": \"lora\", \"critic\": {\"rank\": 32}}}").training();
    assertThat(training.forRole(Role.GENERATOR).alpha()).isEqualTo(16.0);
    assertThat(training.forRole(Role.CRITIC).alpha()).isEqualTo(64.0);
  }

  @Test
  void whatCompletionFillsInIsCompleteAlready() {
    for (String spec :
        new String[] {
          "{\"training\": {\"tuning\": \"lora\"}}",
          "{\"training\": {\"tuning\": \"lora\", \"critic\": {\"tuning\": \"full\"}}}",
          "{\"training\": {\"generator\": {\"tuning\": \"lora\"}, \"recompute\": true}}"
        }) {
      ExperimentSpec complete = complete(spec);
      assertThat(SpecDefaults.complete(complete, ModelDefaults.NONE)).isEqualTo(complete);
    }
  }

  @Test
  void thatActivationsAreKeptIsLeftOut() {
    assertThat(complete("{\"training\": {\"recompute\": false}}")).isEqualTo(complete("{}"));
    TrainingSpec one =
        complete("{\"training\": {\"recompute\": true, \"critic\": {\"recompute\": false}}}")
            .training();
    assertThat(one.forRole(Role.GENERATOR).recompute()).isTrue();
    assertThat(one.forRole(Role.CRITIC).recompute()).isNull();
  }

  @Test
  void anAdaptersShapeIsRefusedWhereCompletionComesToFullTuning() {
    assertThatThrownBy(() -> complete("{\"training\": {\"rank\": 8}}"))
        .hasMessage("training.rank is set, allowed: leaving it out, since tuning is full");
    assertThatThrownBy(() -> complete("{\"training\": {\"critic\": {\"targets\": [\"q_proj\"]}}}"))
        .hasMessage(
            "training.critic.targets is set, allowed: leaving it out, since tuning is full");
  }

  private static TrainingSpec forked(String origin, String fork) {
    return SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{\"fork\": {\"experiment\": \"a\", \"iteration\": 1}, \"training\": "
                    + fork
                    + "}"),
            complete("{\"training\": " + origin + "}"))
        .training();
  }

  @Test
  void aForkMayChangeHowAgentsAreTuned() {
    TrainingSpec lora = complete("{\"training\": {\"tuning\": \"lora\"}}").training();
    TrainingSpec full = complete("{}").training();
    assertThat(forked("{}", "{\"tuning\": \"lora\"}")).isEqualTo(lora);
    assertThat(forked("{\"tuning\": \"lora\"}", "{\"tuning\": \"full\"}")).isEqualTo(full);
    assertThat(forked("{\"tuning\": \"lora\"}", "{}")).isEqualTo(lora);
    assertThat(forked("{\"tuning\": \"lora\"}", "{\"rank\": 4}").alpha()).isEqualTo(8.0);
    assertThat(forked("{\"tuning\": \"lora\", \"alpha\": 4}", "{\"rank\": 8}").alpha())
        .isEqualTo(4.0);
    assertThatThrownBy(() -> forked("{}", "{\"rank\": 4}"))
        .hasMessage("training.rank is set, allowed: leaving it out, since tuning is full");
  }

  @Test
  void aRoleThatOverridesNothingIsAsIfItWereAbsent() {
    assertThat(complete("{\"training\": {\"generator\": {}, \"critic\": {}}}"))
        .isEqualTo(complete("{}"));
  }

  @Test
  void aTaskMayBeItsNameAlone() {
    assertThat(complete("{\"task\": \"gsm8k\"}").task())
        .isEqualTo(new TaskSpec("gsm8k", 500, 500, "evaluate"));
    assertThat(complete("{\"task\": {\"train\": 20}}").task())
        .isEqualTo(new TaskSpec("arithmetic", 20, 500, "evaluate"));
  }

  @Test
  void ofTwoTasksEachKeepsTheCountsThatItIsUsedFor() {
    ExperimentSpec spec =
        complete(
            "{\"task\": {\"train\": 20}, \"evaluateOn\": {\"name\": \"gsm8k\", \"evaluate\": 9}}");
    assertThat(spec.task()).isEqualTo(new TaskSpec("arithmetic", 20, null, null));
    assertThat(spec.evaluateOn()).isEqualTo(new TaskSpec("gsm8k", null, 9, "evaluate"));
    assertThat(spec.evaluated()).isEqualTo(spec.evaluateOn());
    assertThat(SpecDefaults.complete(spec, ModelDefaults.NONE)).isEqualTo(spec);
    assertThat(complete("{\"evaluateOn\": \"math\"}").evaluateOn())
        .isEqualTo(new TaskSpec("math", null, 500, "evaluate"));
    assertThat(complete("{}").evaluated()).isEqualTo(complete("{}").task());
  }

  @Test
  void theOperandsThatArithmeticHasAnywayAreLeftOut() {
    assertThat(complete("{\"task\": {\"operands\": 29}}")).isEqualTo(complete("{}"));
    assertThat(complete("{\"task\": {\"operands\": 60}}").task().operands()).isEqualTo(60);
    assertThat(complete("{\"task\": {\"operands\": 60}}").task().grading()).isEqualTo("arithmetic");
  }

  @Test
  void stepsAreToldWhatReadsAndComparesAnswers() {
    assertThat(complete("{}").task().grading()).isEqualTo("arithmetic");
    TaskSpec task =
        complete(
                "{\"task\": {\"name\": \"math\", \"levels\": [1, 3], \"checker\": \"released-code\"}}")
            .task();
    assertThat(task.levels()).containsExactly(1, 3);
    assertThat(task.withAnswers("math-1").grading()).isEqualTo("math-1/default/released-code");
    assertThatThrownBy(() -> complete("{\"task\": {\"levels\": [0]}}"))
        .hasMessageContaining("task.levels is 0, allowed: 1 to 5");
    assertThatThrownBy(() -> complete("{\"task\": {\"levels\": [2, 2]}}"))
        .hasMessageContaining("each once");
    assertThatThrownBy(() -> complete("{\"task\": {\"extractor\": \"new\"}}"))
        .hasMessageContaining("task.extractor is \"new\", allowed: default, released-code");
  }

  @Test
  void completingACompleteSpecChangesNothing() {
    for (String method : Method.names()) {
      ExperimentSpec spec = complete("{\"method\": \"" + method + "\"}");
      assertThat(SpecDefaults.complete(spec, ModelDefaults.NONE)).isEqualTo(spec);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "base, 1, 1, 0, true",
    "majority, 3, 1, 0, true",
    "debate, 3, 2, 0, true",
    "single-agent-ft, 3, 2, 3, true",
    "multiagent-ft, 3, 2, 3, true",
    "multiagent-ft-no-summary, 3, 2, 3, false",
    "multiagent-ft-no-critic, 3, 2, 3, true",
    "multiagent-ft-unfiltered, 3, 2, 3, true",
    "cooperative, 3, 2, 0, true",
    "cooperative-ft, 3, 2, 3, true",
    "unique-id, 3, 2, 0, true",
    "star, 1, 1, 3, true",
    "majority-ft, 3, 1, 3, true",
    "single-agent-ft-no-debate, 3, 2, 3, true",
    "single-agent-ft-t2, 3, 2, 3, true"
  })
  void aMethodDecidesWhatItNarrows(
      String method, int agents, int rounds, int iterations, boolean summaries) {
    ExperimentSpec spec = complete("{\"method\": \"" + method + "\"}");
    assertThat(spec.agents()).isEqualTo(agents);
    assertThat(spec.rounds()).isEqualTo(rounds);
    assertThat(spec.iterations()).isEqualTo(iterations);
    assertThat(spec.summaries()).isEqualTo(summaries);
  }

  @Test
  void aMethodThatIsDefinedByItsTemperatureOrItsStartFixesThem() {
    assertThat(complete("{\"method\": \"single-agent-ft-t2\"}").sampling().temperature())
        .isEqualTo(2.0);
    assertThat(complete("{\"method\": \"star\"}").startFrom()).isEqualTo("base");
  }

  @Test
  void everyMethodIsCoveredByTheTableOfMethods() {
    assertThat(Method.names()).hasSize(15);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"experiment\": \"a/b\"} | experiment is \"a/b\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"experiment\": \"\"} | experiment is \"\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"method\": \"magic\"} | method is \"magic\", allowed: base, cooperative, cooperative-ft, debate, majority, majority-ft, multiagent-ft, multiagent-ft-no-critic, multiagent-ft-no-summary, multiagent-ft-unfiltered, single-agent-ft, single-agent-ft-no-debate, single-agent-ft-t2, star, unique-id",
        "{\"task\": \"../etc\"} | task.name is \"../etc\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"task\": {\"train\": 0}} | task.train is 0, allowed: 1 to 1000000",
        "{\"task\": {\"evaluateSplit\": \"finetune\"}} | task.evaluateSplit is \"finetune\", allowed: evaluate, validate",
        "{\"task\": {\"evaluate\": -1}} | task.evaluate is -1, allowed: 1 to 1000000",
        "{\"task\": {\"operands\": 0}} | task.operands is 0, allowed: 1 to 99",
        "{\"task\": {\"operands\": 100}} | task.operands is 100, allowed: 1 to 99",
        "{\"task\": {\"name\": \"gsm8k\", \"operands\": 9}} | task.operands is set, allowed: leaving it out, since only task arithmetic makes its questions itself",
        "{\"evaluateOn\": {\"evaluate\": 9}} | evaluateOn.name is not set, allowed: the name of a task",
        "{\"evaluateOn\": {\"name\": \"gsm8k\", \"train\": 9}} | evaluateOn.train is set, allowed: leaving it out, since nothing is finetuned on these questions",
        "{\"evaluateOn\": {\"name\": \"gsm8k\", \"operands\": 9}} | evaluateOn.operands is set, allowed: leaving it out, since only task arithmetic makes its questions itself",
        "{\"evaluateOn\": {\"name\": \"math\", \"levels\": [7]}} | evaluateOn.levels is 7, allowed: 1 to 5",
        "{\"evaluateOn\": {\"name\": \"math\", \"evaluateSplit\": \"test\"}} | evaluateOn.evaluateSplit is \"test\", allowed: evaluate, validate",
        "{\"evaluateOn\": \"gsm8k\", \"task\": {\"evaluate\": 9}} | task.evaluate is set, allowed: setting it in evaluateOn, whose questions are evaluated on",
        "{\"evaluateOn\": \"gsm8k\", \"task\": {\"evaluateSplit\": \"validate\"}} | task.evaluateSplit is set, allowed: setting it in evaluateOn, whose questions are evaluated on",
        "{\"baseModel\": \"/etc\"} | baseModel is \"/etc\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"agents\": 0} | agents is 0, allowed: 1 to 16",
        "{\"agents\": 17} | agents is 17, allowed: 1 to 16",
        "{\"rounds\": 9} | rounds is 9, allowed: 1 to 8",
        "{\"iterations\": 101} | iterations is 101, allowed: 0 to 100",
        "{\"iterations\": -1} | iterations is -1, allowed: 0 to 100",
        "{\"seed\": -1} | seed is -1, allowed: 0 to 9007199254740991",
        "{\"seed\": 9007199254740992} | seed is 9007199254740992, allowed: 0 to 9007199254740991",
        "{\"questions\": \"other\"} | questions is \"other\", allowed: fixed, fresh",
        "{\"tieRule\": \"coin\"} | tieRule is \"coin\", allowed: random, first, skip, released-code",
        "{\"minimumVotes\": 0} | minimumVotes is 0, allowed: 1 to 16",
        "{\"minimumVotes\": 4} | minimumVotes is 4, allowed: at most agents, which is 3",
        "{\"criticMix\": 1.5} | criticMix is 1.5, allowed: 0.0 to 1.0",
        "{\"criticLoss\": \"none\"} | criticLoss is \"none\", allowed: last-turn, all-turns",
        "{\"startFrom\": \"zero\"} | startFrom is \"zero\", allowed: previous, base",
        "{\"sampling\": {\"temperature\": -0.5}} | sampling.temperature is -0.5, allowed: 0.0 to 10.0",
        "{\"sampling\": {\"topP\": 0}} | sampling.topP is 0.0, allowed: more than 0, up to 1.0",
        "{\"sampling\": {\"maxNewTokens\": 0}} | sampling.maxNewTokens is 0, allowed: 1 to 131072",
        "{\"training\": {\"tuning\": \"dora\"}} | training.tuning is \"dora\", allowed: full, lora",
        "{\"training\": {\"tuning\": \"lora\", \"rank\": 0}} | training.rank is 0, allowed: 1 to 256",
        "{\"training\": {\"tuning\": \"lora\", \"alpha\": 0}} | training.alpha is 0.0, allowed: more than 0, up to 4096.0",
        "{\"training\": {\"tuning\": \"lora\", \"dropout\": 1}} | training.dropout is 1.0, allowed: 0.0 to less than 1.0",
        "{\"training\": {\"tuning\": \"lora\", \"targets\": []}} | training.targets is [], allowed: [all-linear], or names of linear layers, such as q_proj, each once",
        "{\"training\": {\"tuning\": \"lora\", \"targets\": [null]}} | training.targets is [null], allowed: [all-linear], or names of linear layers, such as q_proj, each once",
        "{\"training\": {\"tuning\": \"lora\", \"targets\": [\"all-linear\", \"q_proj\"]}} | training.targets is [all-linear, q_proj], allowed: [all-linear], or names of linear layers, such as q_proj, each once",
        "{\"training\": {\"tuning\": \"full\", \"rank\": 8}} | training.rank is set, allowed: leaving it out, since tuning is full",
        "{\"training\": {\"tuning\": \"lora\", \"critic\": {\"tuning\": \"full\", \"alpha\": 8}}} | training.critic.alpha is set, allowed: leaving it out, since tuning is full",
        "{\"training\": {\"epochs\": 0}} | training.epochs is 0, allowed: 1 to 1000",
        "{\"training\": {\"batchSize\": 0}} | training.batchSize is 0, allowed: 1 to 4096",
        "{\"training\": {\"learningRate\": 0}} | training.learningRate is 0.0, allowed: more than 0, up to 1.0",
        "{\"training\": {\"schedule\": \"step\"}} | training.schedule is \"step\", allowed: constant, linear, cosine",
        "{\"training\": {\"warmupShare\": 2}} | training.warmupShare is 2.0, allowed: 0.0 to 1.0",
        "{\"training\": {\"weightDecay\": -1}} | training.weightDecay is -1.0, allowed: 0.0 to 10.0",
        "{\"training\": {\"clipNorm\": -1}} | training.clipNorm is -1.0, allowed: 0.0 to 1000000.0",
        "{\"training\": {\"critic\": {\"epochs\": 0}}} | training.critic.epochs is 0, allowed: 1 to 1000",
        "{\"training\": {\"critic\": {\"generator\": {}}}} | training.critic.generator is set, allowed: overrides in training itself only",
        "{\"training\": {\"generator\": {\"critic\": {}}}} | training.generator.critic is set, allowed: overrides in training itself only",
        "{\"likelihoodModel\": \"../gemma\"} | likelihoodModel is \"../gemma\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"embeddingModel\": \"/t5\"} | embeddingModel is \"/t5\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"promptSet\": \"my set\"} | promptSet is \"my set\", allowed: 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
        "{\"method\": \"base\", \"agents\": 3} | agents is 3, allowed: 1, since method base has one agent",
        "{\"method\": \"base\", \"minimumVotes\": 2} | minimumVotes is 2, allowed: at most agents, which is 1",
        "{\"method\": \"majority\", \"rounds\": 2} | rounds is 2, allowed: 1, since method majority does not debate",
        "{\"method\": \"debate\", \"iterations\": 3} | iterations is 3, allowed: 0, since method debate trains nothing",
        "{\"method\": \"multiagent-ft-no-summary\", \"summaries\": true} | summaries is true, allowed: false, since method multiagent-ft-no-summary is defined without summaries",
        "{\"method\": \"star\", \"startFrom\": \"previous\"} | startFrom is previous, allowed: base, since method star starts anew in every iteration",
        "{\"method\": \"single-agent-ft-t2\", \"sampling\": {\"temperature\": 1.0}} | sampling.temperature is 1.0, allowed: 2.0, since method single-agent-ft-t2 is defined by its temperature"
      })
  void aViolationNamesTheFieldItsValueAndWhatIsAllowed(String spec, String violation) {
    assertThat(SpecDefaults.violations(PolyphonyDataConverter.parse(spec)))
        .containsExactly(violation);
    assertThatThrownBy(() -> complete(spec))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessage(violation);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"agents\": 1}",
        "{\"agents\": 16, \"rounds\": 8, \"iterations\": 100, \"minimumVotes\": 16}",
        "{\"iterations\": 0, \"seed\": 9007199254740991}",
        "{\"criticMix\": 0, \"sampling\": {\"temperature\": 0, \"topP\": 1}}",
        "{\"criticMix\": 1, \"training\": {\"clipNorm\": 0}}",
        "{\"method\": \"base\", \"agents\": 1, \"rounds\": 1, \"iterations\": 0}",
        "{\"method\": \"multiagent-ft-no-summary\", \"summaries\": false}"
      })
  void theLimitsThemselvesAreAllowed(String spec) {
    assertThat(SpecDefaults.violations(PolyphonyDataConverter.parse(spec))).isEmpty();
  }

  @Test
  void allViolationsAreReportedInOneLine() {
    assertThatThrownBy(() -> complete("{\"agents\": 99, \"rounds\": 0, \"tieRule\": \"x\"}"))
        .hasMessage(
            "agents is 99, allowed: 1 to 16; rounds is 0, allowed: 1 to 8;"
                + " tieRule is \"x\", allowed: random, first, skip, released-code")
        .asInstanceOf(InstanceOfAssertFactories.type(InvalidSpecException.class))
        .extracting(InvalidSpecException::violations)
        .asInstanceOf(InstanceOfAssertFactories.LIST)
        .hasSize(3);
  }

  @Test
  void whatAModelBringsAlongIsCheckedToo() {
    ModelDefaults model = new ModelDefaults(null, null, 3.0, null, null, null);
    assertThatThrownBy(() -> SpecDefaults.complete(ExperimentSpec.empty(), model))
        .hasMessage("criticMix is 3.0, allowed: 0.0 to 1.0");
  }

  @Test
  void notANumberIsRefused() {
    ModelDefaults model =
        new ModelDefaults(null, null, null, null, new SamplingSpec(Double.NaN, null, null), null);
    assertThatThrownBy(() -> SpecDefaults.complete(ExperimentSpec.empty(), model))
        .hasMessage("sampling.temperature is NaN, allowed: 0.0 to 10.0");
  }

  private static TrainingSpec training(Integer epochs, Double learningRate) {
    return new TrainingSpec(null, epochs, null, learningRate, null, null, null, null, null, null);
  }

  private static ExperimentSpec fork(String json) {
    return SpecDefaults.complete(
        PolyphonyDataConverter.parse(json),
        complete("{\"agents\": 4, \"seed\": 7, \"training\": {\"critic\": {\"epochs\": 5}}}"));
  }

  @Test
  void aForkHasWhatItsExperimentHasWhereItChangesNothing() {
    ExperimentSpec spec =
        fork(
            "{\"fork\": {\"experiment\": \"x\", \"iteration\": 2}, \"criticMix\": 0.9,"
                + " \"sampling\": {\"topP\": 0.5}, \"training\": {\"epochs\": 3}}");

    assertThat(spec.agents()).isEqualTo(4);
    assertThat(spec.seed()).isEqualTo(7);
    assertThat(spec.criticMix()).isEqualTo(0.9);
    assertThat(spec.sampling()).isEqualTo(new SamplingSpec(1.0, 0.5, 2048));
    assertThat(spec.training().epochs()).isEqualTo(3);
    // Asked for both roles: what the experiment had for one gives way.
    assertThat(spec.training().forRole(Role.CRITIC).epochs()).isEqualTo(3);
    assertThat(spec.fork()).isEqualTo(new ForkSpec("x", 2));
  }

  @Test
  void whatTrainsNothingHasNoIterationsToFork() {
    ExperimentSpec debate = complete("{\"method\": \"debate\"}");
    ExperimentSpec asked =
        PolyphonyDataConverter.parse("{\"fork\": {\"experiment\": \"x\", \"iteration\": 1}}");
    assertThatThrownBy(() -> SpecDefaults.complete(asked, debate))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessage(
            "fork is set, allowed: leaving it out, since method debate trains nothing: there are"
                + " no iterations to fork");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"fork\": {\"iteration\": 1}}; fork.experiment is not set",
        "{\"fork\": {\"experiment\": \"x\"}}; fork.iteration is not set, allowed: 1 to",
        "{\"fork\": {\"experiment\": \"x\", \"iteration\": 0}}; fork.iteration is 0, allowed: 1 to",
        "{\"fork\": {\"experiment\": \"../x\", \"iteration\": 1}}; fork.experiment is \"../x\"",
        "{\"experiment\": \"x\", \"fork\": {\"experiment\": \"x\", \"iteration\": 1}};"
            + " another one than itself",
        "{\"iterations\": 2, \"fork\": {\"experiment\": \"x\", \"iteration\": 3}};"
            + " iterations is 2, allowed: at least fork.iteration",
        "{\"agents\": 5, \"fork\": {\"experiment\": \"x\", \"iteration\": 1}};"
            + " agents is 4 in the recorded experiment, not 5, allowed: changing rounds, iterations"
      })
  void aForkThatCannotBeIsRefused(String json, String message) {
    assertThatThrownBy(() -> fork(json))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(message);
  }
}
