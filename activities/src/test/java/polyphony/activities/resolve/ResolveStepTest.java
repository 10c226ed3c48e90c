package polyphony.activities.resolve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.StoreInFolder;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.ArithmeticTask;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Task;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.LocalCache;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ForkSpec;
import polyphony.workflows.FreshQuestions;
import polyphony.workflows.InvalidSpecException;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Purpose;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.TaskSpec;
import polyphony.workflows.TrainingSpec;

class ResolveStepTest {
  @TempDir Path temporary;

  private StoreInFolder store;
  private Path model;

  @BeforeEach
  void aModelWithDefaults() throws IOException {
    store = new StoreInFolder(temporary);
    model = temporary.resolve("shipped");
    TinyModels.untied(model);
    Files.writeString(
        model.resolve("polyphony.json"),
        "{\"promptSet\":\"compact\",\"sampling\":{\"temperature\":1,\"topP\":1,\"maxNewTokens\":64}}");
  }

  private InputStream shipped(String name) {
    try {
      return Files.exists(model.resolve(name)) ? Files.newInputStream(model.resolve(name)) : null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ModelRegistry models() {
    return new ModelRegistry(
        store.store,
        store.artifacts,
        temporary.resolve("scratch"),
        new BuiltInModel(this::shipped));
  }

  private ResolveStep resolve(Map<String, String> versions) {
    return new ResolveStep(store.store, store.artifacts, store.checkpoints, models(), versions);
  }

  private static ExperimentSpec spec(String baseModel, Integer agents, Integer iterations) {
    return spec(baseModel, agents, iterations, null);
  }

  private static ExperimentSpec spec(
      String baseModel, Integer agents, Integer iterations, String evaluateSplit) {
    return new ExperimentSpec(
        null,
        null,
        new TaskSpec("arithmetic", 12, 8, evaluateSplit),
        null,
        baseModel,
        agents,
        null,
        iterations,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null);
  }

  @Test
  void theDefaultExperimentIsComplete() {
    Experiment experiment = resolve(Map.of("runtime", "1")).run("trial", spec(null, null, null));
    assertThat(experiment.name()).isEqualTo("trial");
    assertThat(experiment.spec().experiment()).isEqualTo("trial");
    assertThat(experiment.spec().baseModel()).isEqualTo("built-in");
    assertThat(experiment.spec().promptSet()).isEqualTo("compact");
    assertThat(experiment.spec().sampling().maxNewTokens()).isEqualTo(64);
    assertThat(experiment.versions()).containsExactly(Map.entry("runtime", "1"));
    assertThat(store.checkpoints.open(experiment.base()).config())
        .isEqualTo(TinyModels.config(false));
    List<Question> train =
        JsonLines.read(store.artifacts.bytes(experiment.trainQuestions()), Question.class);
    List<Question> evaluate =
        JsonLines.read(store.artifacts.bytes(experiment.evaluateQuestions()), Question.class);
    assertThat(train).hasSize(12);
    assertThat(evaluate).hasSize(8).doesNotContainAnyElementsOf(train);
    assertThat(PromptSet.read(store.artifacts.bytes(experiment.prompts())))
        .isEqualTo(PromptSet.named("compact"));
  }

  @Test
  void settingsAreChosenOnQuestionsThatAreNeverEvaluatedOn() {
    Experiment tried = resolve(Map.of()).run("tried", spec(null, null, null, "validate"));
    Experiment reported = resolve(Map.of()).run("reported", spec(null, null, null, null));
    assertThat(reported.spec().task().evaluateSplit()).isEqualTo("evaluate");
    assertThat(questions(tried)).hasSize(8).allMatch(each -> split(each) == Task.Split.VALIDATE);
    assertThat(questions(reported)).hasSize(8).allMatch(each -> split(each) == Task.Split.EVALUATE);
    assertThat(tried.trainQuestions()).isEqualTo(reported.trainQuestions());
  }

  private List<Question> questions(Experiment experiment) {
    return JsonLines.read(store.artifacts.bytes(experiment.evaluateQuestions()), Question.class);
  }

  private static Task.Split split(Question question) {
    return ArithmeticTask.splitOf(question.text());
  }

  @Test
  void importedQuestionsAreNamedAsATask() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      lines.append("{\"question\": \"Twice " + i + "?\", \"answer\": \"" + 2 * i + "\"}\n");
    }
    Path file = Files.writeString(temporary.resolve("questions.jsonl"), lines);
    new DataRegistry(store.store, store.artifacts).importFiles("twice", file, null, "number", null);
    TaskSpec task =
        new TaskSpec("twice", 12, 8, null, null, null, null, null, "released-code", null);
    Experiment experiment =
        resolve(Map.of()).run("own", spec(null, null, null).withTask(task, "math"));
    assertThat(experiment.spec().task().answers()).isEqualTo("number-1");
    assertThat(experiment.spec().task().grading()).isEqualTo("number-1/default/released-code");
    List<Question> train =
        JsonLines.read(store.artifacts.bytes(experiment.trainQuestions()), Question.class);
    assertThat(train).hasSize(12);
    assertThat(questions(experiment)).hasSize(8).doesNotContainAnyElementsOf(train);
    assertThat(PromptSet.read(store.artifacts.bytes(experiment.prompts())))
        .isEqualTo(PromptSet.named("math"));
    assertThatThrownBy(
            () ->
                resolve(Map.of())
                    .run(
                        "other",
                        spec(null, null, null)
                            .withTask(new TaskSpec("gsm8k", 12, 8, null), "gsm8k")))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("polyphony data import gsm8k PATH");
  }

  private void importOwn(String name, int count, String prefix) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < count; i++) {
      lines.append(
          "{\"question\": \"" + prefix + " " + i + "?\", \"answer\": \"" + 2 * i + "\"}\n");
    }
    Path file = Files.writeString(temporary.resolve(name + ".jsonl"), lines);
    new DataRegistry(store.store, store.artifacts).importFiles(name, file, null, "number", null);
  }

  private static ExperimentSpec with(String json) {
    return PolyphonyDataConverter.parse(json);
  }

  @Test
  void anotherTaskIsEvaluatedOnWithItsOwnQuestionsAndGrading() throws IOException {
    importOwn("twice", 100, "Twice");
    Experiment own = resolve(Map.of()).run("own", spec(null, null, null));
    Experiment transfer =
        resolve(Map.of())
            .run(
                "transfer",
                with(
                    "{\"task\": {\"train\": 12}, \"evaluateOn\": {\"name\": \"twice\","
                        + " \"evaluate\": 7, \"evaluateSplit\": \"validate\"}}"));
    assertThat(transfer.trainQuestions()).isEqualTo(own.trainQuestions());
    assertThat(questions(transfer)).hasSize(7).allMatch(each -> each.text().startsWith("Twice"));
    assertThat(transfer.spec().task().grading()).isEqualTo("arithmetic");
    assertThat(transfer.spec().evaluated().grading()).isEqualTo("number-1");
    // The model speaks its own dialect, whatever it is asked.
    assertThat(transfer.evaluatePrompts()).isNull();
    assertThat(transfer.prompts(Purpose.EVALUATE)).isEqualTo(own.prompts());
    store.store.delete(Artifacts.key(transfer.evaluateQuestions()));
    assertThat(resolve(Map.of()).run("transfer", null)).isEqualTo(transfer);
    assertThat(store.artifacts.present(transfer.evaluateQuestions())).isTrue();
    assertThatThrownBy(() -> resolve(Map.of()).run("other", with("{\"evaluateOn\": \"math\"}")))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("polyphony data import math PATH");
  }

  @Test
  void modelsThatMeasureAreRecordedByTheirCheckpoints() {
    ModelRegistry models = models();
    models.importFolder(
        "judge", TinyModels.tied(temporary.resolve("judge")).folder(), Optional.empty());
    models.importFolder(
        "t5", Path.of("src/test/resources/polyphony/encoders/t5-gated"), Optional.empty());
    Experiment measured =
        resolve(Map.of())
            .run("measured", with("{\"likelihoodModel\": \"judge\", \"embeddingModel\": \"t5\"}"));
    assertThat(measured.likelihoodCheckpoint()).isEqualTo(models.checkpoint("judge"));
    assertThat(measured.embeddingCheckpoint()).isEqualTo(models.checkpoint("t5"));
    assertThat(resolve(Map.of()).run("measured", null)).isEqualTo(measured);
    String plain =
        new String(
            CanonicalJson.bytes(resolve(Map.of()).run("plain", null)), StandardCharsets.UTF_8);
    assertThat(plain).doesNotContain("Checkpoint");
  }

  @Test
  void whatIsStoredIsWhatWasCheckedThoughTheFolderChangesMeanwhile() throws IOException {
    Path folder = TinyModels.tied(temporary.resolve("changing")).folder();
    Path configuration = folder.resolve("tokenizer_config.json");
    byte[] checked = Files.readAllBytes(configuration);
    InvocationHandler changing =
        (proxy, method, arguments) -> {
          Files.writeString(configuration, "{\"chat_template\": \"{{ broken\"}");
          try {
            return method.invoke(store.store, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    ObjectStore slow =
        (ObjectStore)
            Proxy.newProxyInstance(
                ObjectStore.class.getClassLoader(), new Class<?>[] {ObjectStore.class}, changing);
    ModelRegistry models =
        new ModelRegistry(
            slow,
            new Artifacts(slow, new LocalCache(temporary.resolve("slow"), 1L << 30)),
            temporary.resolve("scratch"));
    ArtifactRef checkpoint = models.importFolder("changing", folder, Optional.empty()).checkpoint();
    ArtifactRef stored = store.checkpoints.files(checkpoint).get("tokenizer_config.json");
    assertThat(store.artifacts.bytes(stored)).isEqualTo(checked);
    assertThat(Files.readAllBytes(configuration)).isNotEqualTo(checked);
  }

  @Test
  void modelsThatCannotMeasureAreRefused() {
    models()
        .importFolder(
            "t5", Path.of("src/test/resources/polyphony/encoders/t5-relu"), Optional.empty());
    assertThatThrownBy(() -> resolve(Map.of()).run("a", with("{\"likelihoodModel\": \"gemma\"}")))
        .hasMessage(
            "there is no model \"gemma\"; likelihoodModel is one of built-in, t5, or import it first");
    assertThatThrownBy(() -> resolve(Map.of()).run("b", with("{\"likelihoodModel\": \"t5\"}")))
        .hasMessage("likelihoodModel is \"t5\", which is an encoder; a language model is needed");
    assertThatThrownBy(() -> resolve(Map.of()).run("c", with("{\"baseModel\": \"t5\"}")))
        .hasMessage("baseModel is \"t5\", which is an encoder; a language model is needed");
    assertThatThrownBy(() -> resolve(Map.of()).run("d", with("{\"embeddingModel\": \"built-in\"}")))
        .hasMessage(
            "embeddingModel is \"built-in\", which is a language model; a T5 encoder is needed");
    assertThatThrownBy(() -> models().importFolder("self", model, Optional.empty()))
        .hasMessageContaining("but not built-in, self, base");
  }

  @Test
  void targetsThatTheModelDoesNotHaveAreRefusedBeforeAnythingRuns() {
    assertThatThrownBy(
            () ->
                resolve(Map.of())
                    .run(
                        "mine",
                        with(
                            "{\"training\": {\"tuning\": \"lora\","
                                + " \"targets\": [\"q_proj\", \"qkv_proj\"]}}")))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            refused -> assertThat(refused.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessage(
            "training.targets names \"qkv_proj\", allowed: [all-linear], or some of the linear"
                + " layers that built-in has, which are down_proj, gate_proj, k_proj, o_proj,"
                + " q_proj, up_proj, v_proj");
    String known = "{\"training\": {\"tuning\": \"lora\", \"targets\": [\"q_proj\"]}}";
    assertThat(resolve(Map.of()).run("mine", with(known)).spec().training().targets())
        .containsExactly("q_proj");
  }

  private void importAdapter() {
    ArtifactRef base = models().checkpoint("built-in");
    DecoderConfig decoder = store.checkpoints.decoderConfig(base);
    AdapterConfig config = new AdapterConfig(2, 6, 0.25, decoder.linearLayers());
    Path adapter = temporary.resolve("adapter");
    TinyModels.adapter(adapter, decoder, config, 1);
    models().importAdapter("adapted", adapter, store.checkpoints, base);
  }

  private static final String ADAPTED = "{\"baseModel\": \"adapted\", \"training\": ";

  @Test
  void theAdapterOfABaseModelIsTrainedOnInItsShape() {
    importAdapter();
    TrainingSpec training =
        resolve(Map.of()).run("mine", with(ADAPTED + "{\"tuning\": \"lora\"}}")).spec().training();
    assertThat(training.rank()).isEqualTo(2);
    assertThat(training.alpha()).isEqualTo(6);
    assertThat(training.dropout()).isEqualTo(0.25);
    assertThat(training.targets()).containsExactly(TrainingSpec.ALL_LINEAR);
    TrainingSpec full =
        resolve(Map.of()).run("full", with(ADAPTED + "{\"tuning\": \"full\"}}")).spec().training();
    assertThat(full.rank()).isNull();
    assertThat(full.targets()).isNull();
  }

  @Test
  void eachOfTwoTasksIsAskedWithThePromptsThatItBringsAlong() throws IOException {
    Path plain = temporary.resolve("plain");
    TinyModels.untied(plain);
    models().importFolder("plain", plain, Optional.empty());
    importOwn("twice", 100, "Twice");
    Path gsm = temporary.resolve("gsm");
    Files.createDirectories(gsm);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 9; i++) {
      lines.append("{\"question\": \"Big " + i + "?\", \"answer\": \"So\\n#### " + i + "\"}\n");
    }
    Files.writeString(gsm.resolve("test.jsonl"), lines);
    new DataRegistry(store.store, store.artifacts).importFiles("gsm8k", gsm, null, null, null);
    Experiment transfer =
        resolve(Map.of())
            .run(
                "transfer",
                with(
                    "{\"baseModel\": \"plain\", \"task\": {\"name\": \"twice\", \"train\": 9},"
                        + " \"evaluateOn\": {\"name\": \"gsm8k\", \"evaluate\": 9}}"));
    assertThat(transfer.spec().promptSet()).isEqualTo("task");
    assertThat(PromptSet.read(store.artifacts.bytes(transfer.prompts(Purpose.FINETUNE))))
        .isEqualTo(PromptSet.named("standard"));
    assertThat(PromptSet.read(store.artifacts.bytes(transfer.prompts(Purpose.EVALUATE))))
        .isEqualTo(PromptSet.named("gsm8k"));
    store.store.delete(Artifacts.key(transfer.evaluatePrompts()));
    assertThat(resolve(Map.of()).run("transfer", null)).isEqualTo(transfer);
    assertThat(store.artifacts.present(transfer.evaluatePrompts())).isTrue();
    assertThatThrownBy(
            () ->
                resolve(Map.of())
                    .run(
                        "neither",
                        with(
                            "{\"promptSet\": \"task\", \"task\": {\"train\": 9}, \"evaluateOn\":"
                                + " {\"name\": \"twice\", \"evaluate\": 9}}")))
        .hasMessageContaining("task arithmetic brings no prompts; promptSet is one of ");
  }

  @Test
  void whatIsFinetunedOnIsNeverEvaluatedOnInAnotherTask() throws IOException {
    // The published parts of the same questions are the other way round.
    for (String name : List.of("one", "other")) {
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < 40; i++) {
        boolean test = i < 20 == name.equals("one");
        lines.append(
            "{\"question\": \"Double "
                + i
                + "?\", \"answer\": \"1\", \"part\": \""
                + (test ? "test" : "train")
                + "\"}\n");
      }
      Path file = Files.writeString(temporary.resolve(name + ".jsonl"), lines);
      new DataRegistry(store.store, store.artifacts).importFiles(name, file, null, "text", null);
    }
    assertThatThrownBy(
            () ->
                resolve(Map.of())
                    .run(
                        "leaky",
                        with(
                            "{\"task\": {\"name\": \"one\", \"train\": 12}, \"evaluateOn\":"
                                + " {\"name\": \"other\", \"evaluate\": 20}}")))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageMatching(
            "questions of task one to finetune on \\(12, such as one.jsonl:\\d+\\) are also those"
                + " of other to evaluate on; evaluateOn must name other questions");
    assertThat(resolve(Map.of()).recorded("leaky")).isEmpty();
  }

  @Test
  void iterationsWithQuestionsOfTheirOwnNeedAsManyAsThereAre() throws IOException {
    importOwn("twice", 100, "Twice");
    int there =
        new DataRegistry(store.store, store.artifacts)
            .task(new TaskSpec("twice", 1, 1, "evaluate").withAnswers("number-1"))
            .largestSet(Task.Split.FINETUNE);
    int most = there / 10;
    String spec =
        "{\"task\": {\"name\": \"twice\", \"train\": 10, \"evaluate\": 8}, \"questions\": \"%s\","
            + " \"iterations\": %d}";
    String refusal =
        "task twice has "
            + there
            + " questions to finetune on, not 10 for each of "
            + (most + 1)
            + " iterations; ask for fewer, or for \"questions\": \"fixed\"";
    assertThatThrownBy(
            () -> resolve(Map.of()).run("fresh", with(String.format(spec, "fresh", most + 1))))
        .isInstanceOf(PolyphonyException.class)
        .hasMessage(refusal);
    Experiment fresh = resolve(Map.of()).run("fresh", with(String.format(spec, "fresh", most)));
    assertThat(fresh.trainQuestions())
        .as("iteration 1's, which are the fixed ones")
        .isEqualTo(
            resolve(Map.of())
                .run("fixed", with(String.format(spec, "fixed", most + 1)))
                .trainQuestions());
    assertThatThrownBy(
            () -> resolve(Map.of()).run("fresh", with("{\"iterations\": " + (most + 1) + "}")))
        .hasMessage(refusal);
    assertThat(resolve(Map.of()).run("fresh", null)).isEqualTo(fresh);
  }

  @Test
  void iterationsShareNoQuestionHoweverManyThereComeToBe() throws Exception {
    for (String task : List.of("twice", "arithmetic")) {
      if (task.equals("twice")) {
        importOwn(task, 100, "Twice");
      }
      Experiment fresh =
          resolve(Map.of())
              .run(
                  task,
                  with(
                      "{\"task\": {\"name\": \""
                          + task
                          + "\", \"train\": 10, \"evaluate\": 8}, \"questions\": \"fresh\", \"iterations\": 1, \"seed\": 5}"));
      Set<String> seen = new HashSet<>();
      questions(fresh).forEach(each -> assertThat(seen.add(each.text())).isTrue());
      read(fresh.trainQuestions()).forEach(each -> assertThat(seen.add(each.text())).isTrue());
      for (int iteration = 2; iteration <= 4; iteration++) {
        List<Question> own = read(draw(fresh, iteration).questions());
        assertThat(own).hasSize(10);
        own.forEach(each -> assertThat(seen.add(each.text())).as(each.text()).isTrue());
      }
      assertThat(draw(fresh, 3)).isEqualTo(draw(fresh, 3));
    }
  }

  @Test
  void questionsAreNotDrawnFromOtherDataThanTheFirstOnes() throws IOException {
    importOwn("twice", 100, "Twice");
    Experiment fresh =
        resolve(Map.of())
            .run(
                "fresh",
                with(
                    "{\"task\": {\"name\": \"twice\", \"train\": 10, \"evaluate\": 8}, \"questions\":"
                        + " \"fresh\", \"iterations\": 1}"));
    store.store.delete("data/twice.json");
    importOwn("twice", 100, "Two times");
    assertThatThrownBy(() -> draw(fresh, 2))
        .isInstanceOf(PolyphonyException.class)
        .hasMessage(
            "the questions of task twice are not those that the experiment began with; import the"
                + " very same files again, or start it under another name");
    assertThatThrownBy(() -> draw(fresh, 50))
        .hasMessageContaining("questions to finetune on, not 500; ask for fewer");
  }

  private FreshQuestions.Result draw(Experiment experiment, int iteration) throws Exception {
    FreshQuestions.Request request =
        new FreshQuestions.Request(
            experiment.questionSeed(),
            iteration,
            experiment.spec().task(),
            experiment.trainQuestions());
    FreshQuestionsStep step =
        new FreshQuestionsStep(new DataRegistry(store.store, store.artifacts));
    return store
        .steps
        .run(
            new Step(FreshQuestionsStep.NAME, FreshQuestionsStep.VERSION, request),
            FreshQuestions.Result.class,
            attempt -> step.run(request, attempt))
        .result()
        .orElseThrow();
  }

  private List<Question> read(ArtifactRef questions) {
    return JsonLines.read(store.artifacts.bytes(questions), Question.class);
  }

  @Test
  void whatWasRecordedStaysAsItWas() {
    Experiment first = resolve(Map.of("runtime", "1")).run("trial", spec(null, null, null));
    assertThat(resolve(Map.of("runtime", "2")).run("trial", null)).isEqualTo(first);
  }

  @Test
  void whatAnExperimentStartedFromIsMadeAgainWhereItHasVanished() {
    Experiment first = resolve(Map.of()).run("trial", spec(null, null, null));
    List<ArtifactRef> inputs =
        new ArrayList<>(
            List.of(
                first.trainQuestions(), first.evaluateQuestions(), first.prompts(), first.base()));
    inputs.addAll(store.checkpoints.files(first.base()).values());
    for (ArtifactRef input : inputs) {
      store.store.delete(Artifacts.key(input));
      assertThat(resolve(Map.of()).run("trial", null)).isEqualTo(first);
      assertThat(store.artifacts.present(input)).as(input.name()).isTrue();
    }
  }

  @Test
  void anImportedModelThatIsNotWholeAnyMoreIsNamed() {
    models().importFolder("tiny", model, Optional.empty());
    Experiment first = resolve(Map.of()).run("trial", spec("tiny", null, null));
    ArtifactRef weights = store.checkpoints.files(first.base()).get(Checkpoints.WEIGHTS);
    store.store.delete(Artifacts.key(weights));
    assertThatThrownBy(() -> resolve(Map.of()).run("trial", null))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("the model tiny")
        .hasMessageContaining("import");
    models().importFolder("tiny", model, Optional.empty());
    assertThat(resolve(Map.of()).run("trial", null)).isEqualTo(first);
  }

  @Test
  void onlyTheIterationsAreThoseAskedForNow() {
    Experiment first = resolve(Map.of()).run("trial", spec(null, 3, 2));
    Experiment more = resolve(Map.of()).run("trial", spec(null, null, 5));
    assertThat(more.spec().iterations()).isEqualTo(5);
    assertThat(more.evaluateQuestions()).isEqualTo(first.evaluateQuestions());
    assertThat(resolve(Map.of()).run("trial", spec(null, null, null))).isEqualTo(first);
  }

  @Test
  void aFieldThatContradictsTheRecordIsRefused() {
    resolve(Map.of()).run("trial", spec(null, 3, null));
    assertThatThrownBy(() -> resolve(Map.of()).run("trial", spec(null, 5, null)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("agents is 3 in the recorded experiment, not 5")
        .hasMessageContaining("another name");
    assertThat(resolve(Map.of()).run("other", spec(null, 5, null)).spec().agents()).isEqualTo(5);
  }

  @Test
  void modelsAreNamesAndNeverPaths() {
    models().importFolder("tiny", model, Optional.empty());
    assertThat(resolve(Map.of()).run("trial", spec("tiny", null, null)).base())
        .isEqualTo(models().imported("tiny").orElseThrow());
    assertThatThrownBy(() -> resolve(Map.of()).run("other", spec("absent", null, null)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("there is no model \"absent\"; baseModel is one of built-in, tiny");
    assertThatThrownBy(() -> resolve(Map.of()).run("other", spec(model.toString(), null, null)))
        .isInstanceOf(InvalidSpecException.class);
    assertThatThrownBy(() -> models().checkpoint(model.toString()))
        .isInstanceOf(PolyphonyException.class);
    assertThat(models().imported("../experiments/trial")).isEmpty();
  }

  @Test
  void aNameBelongsToOneModelForEver() {
    models().importFolder("tiny", model, Optional.empty());
    assertThat(models().importFolder("tiny", model, Optional.empty()))
        .extracting(ModelRegistry.Import::checkpoint)
        .isEqualTo(models().imported("tiny").orElseThrow());
    Path other = temporary.resolve("other");
    TinyModels.random(other, TinyModels.config(false), 9);
    assertThatThrownBy(() -> models().importFolder("tiny", other, Optional.empty()))
        .hasMessageContaining("belongs to another model");
    assertThatThrownBy(() -> models().importFolder("built-in", other, Optional.empty()))
        .hasMessageContaining("cannot be called");
    assertThatThrownBy(() -> models().importFolder("a/b", other, Optional.empty()))
        .hasMessageContaining("cannot be called");
  }

  @Test
  void anExperimentNeedsAName() {
    assertThatThrownBy(() -> resolve(Map.of()).run("../x", spec(null, null, null)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("cannot be called");
  }

  private static ExperimentSpec fork(String of, int iteration, Double criticMix) {
    return new ExperimentSpec(
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        criticMix,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        new ForkSpec(of, iteration));
  }

  @Test
  void aForkHasItsExperimentsInputsAndVersionsAndOtherSettingsFromItsIterationOn() {
    resolve(Map.of("runtime", "1")).run("begun", spec(null, null, 3));
    Experiment begun = resolve(Map.of()).recorded("begun").orElseThrow();
    Experiment fork = resolve(Map.of("runtime", "2")).run("fork", fork("begun", 2, 0.75));

    assertThat(fork.spec().criticMix()).isEqualTo(0.75);
    assertThat(fork.spec(2)).isEqualTo(fork.spec());
    assertThat(fork.spec(1)).isEqualTo(begun.spec());
    assertThat(fork.spec().iterations()).isEqualTo(3);
    assertThat(fork)
        .usingRecursiveComparison()
        .ignoringFields("name", "spec", "origin")
        .isEqualTo(begun);
    assertThat(fork.origin()).isEqualTo(new Experiment.Origin("begun", 2, begun.spec(), null));
    assertThat(resolve(Map.of()).run("fork", fork("begun", 2, 0.75))).isEqualTo(fork);
  }

  @Test
  void aForkThatAsksForAnotherShapeOfItsAdaptersIsRefusedBeforeAnythingRuns() {
    String tuned = "{\"iterations\": 3, \"training\": {\"tuning\": \"lora\", \"rank\": 2}}";
    Experiment begun = resolve(Map.of()).run("begun", with(tuned));
    assertThatThrownBy(() -> resolve(Map.of()).run("other", with(forked(2, "\"rank\": 4", ""))))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            refused -> assertThat(refused.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageStartingWith("training asks for LoRA of rank 4, alpha 8, on down_proj, ")
        .hasMessageContaining(
            "what iteration 1 of begun has and is to be trained on is LoRA of rank 2")
        .hasMessageEndingWith(
            ": set rank, alpha and targets to the same, or tuning to full, which merges it");
    // From an untuned model, of the same shape, or with every weight, it can go on.
    for (String allowed :
        List.of(
            forked(1, "\"rank\": 4", ""),
            forked(2, "\"rank\": 4", ", \"startFrom\": \"base\""),
            forked(2, "\"dropout\": 0.5", ""),
            forked(2, "\"tuning\": \"full\"", ""))) {
      assertThat(resolve(Map.of()).run("fork-" + allowed.hashCode(), with(allowed)).base())
          .isEqualTo(begun.base());
    }
  }

  @Test
  void anAdapterThatTheBaseModelHasIsTrainedOnInItsOwnShape() {
    Path folder = temporary.resolve("peft");
    DecoderConfig base = TinyModels.config(false);
    TinyModels.adapter(folder, base, new AdapterConfig(4, 8, 0, base.linearLayers()), 1);
    models()
        .importAdapter(
            "tuned", folder, store.checkpoints, models().checkpoint(SpecDefaults.BASE_MODEL));
    String training = "{\"baseModel\": \"tuned\", \"training\": {\"tuning\": ";
    assertThatThrownBy(() -> resolve(Map.of()).run("a", with(training + "\"lora\", \"rank\": 8}}")))
        .hasMessageStartingWith("training asks for LoRA of rank 8, alpha 16, on down_proj, ")
        .hasMessageContaining(
            "but what tuned has and is to be trained on is LoRA of rank 4, alpha 8");
    for (String allowed : List.of("\"lora\"}}", "\"lora\", \"rank\": 4}}", "\"full\"}}")) {
      Experiment begun = resolve(Map.of()).run("b-" + allowed.hashCode(), with(training + allowed));
      assertThat(store.checkpoints.adapterConfig(begun.base())).isPresent();
    }
  }

  private static String forked(int iteration, String training, String more) {
    return "{\"fork\": {\"experiment\": \"begun\", \"iteration\": "
        + iteration
        + "}, \"training\": {"
        + training
        + "}"
        + more
        + "}";
  }

  private static final String ANOTHER_SEED =
      "{\"fork\": {\"experiment\": \"begun\", \"iteration\": 2}, \"seed\": 6";

  @Test
  void aForkWithAnotherSeedGoesOnWithFreshQuestionsOfTheSameOrder() throws Exception {
    Experiment begun =
        resolve(Map.of())
            .run(
                "begun",
                with(
                    "{\"task\": {\"train\": 10, \"evaluate\": 8}, \"questions\": \"fresh\","
                        + " \"iterations\": 3, \"seed\": 5}"));
    Experiment fork = resolve(Map.of()).run("fork", with(ANOTHER_SEED + "}"));
    assertThat(fork.spec().seed()).isEqualTo(6);
    assertThat(fork.questionSeed()).isEqualTo(5);
    assertThat(draw(fork, 3)).isEqualTo(draw(begun, 3));
    store.store.delete(Artifacts.key(fork.trainQuestions()));
    assertThat(resolve(Map.of()).run("fork", null)).isEqualTo(fork);
    assertThat(store.artifacts.present(fork.trainQuestions())).isTrue();
  }

  @Test
  void theQuestionsOfAForkWithAnotherSeedAreHeldAgainstThoseItIsEvaluatedOn() throws IOException {
    importOwn("twice", 100, "Twice");
    String task = "{\"name\": \"twice\", \"train\": 10, \"evaluate\": 8}";
    Experiment own = resolve(Map.of()).run("own", with("{\"task\": " + task + ", \"seed\": 5}"));
    // What the third iteration will have, with the seed that began.
    List<Question> drawn =
        new QuestionSets(new DataRegistry(store.store, store.artifacts))
            .train(own.spec().task(), 3, 5);
    StringBuilder lines = new StringBuilder();
    drawn
        .subList(20, 30)
        .forEach(
            each ->
                lines.append(
                    "{\"question\": \""
                        + each.text()
                        + "\", \"answer\": \"1\", \"part\": \"test\"}\n"));
    Path file = Files.writeString(temporary.resolve("same.jsonl"), lines);
    new DataRegistry(store.store, store.artifacts).importFiles("same", file, null, "text", null);
    resolve(Map.of())
        .run(
            "begun",
            with(
                "{\"task\": {\"name\": \"twice\", \"train\": 10}, \"evaluateOn\": {\"name\":"
                    + " \"same\", \"evaluate\": 10}, \"questions\": \"fresh\","
                    + " \"iterations\": 2, \"seed\": 5}"));
    Experiment fork = resolve(Map.of()).run("fork", with(ANOTHER_SEED + "}"));
    for (String name : List.of("fork", "longer")) {
      assertThatThrownBy(
              () -> resolve(Map.of()).run(name, with(ANOTHER_SEED + ", \"iterations\": 3}")))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("questions of task twice to finetune on (10, such as ");
    }
    assertThat(resolve(Map.of()).recorded("fork")).contains(fork);
  }

  @Test
  void aForkOfAnExperimentThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> resolve(Map.of()).run("fork", fork("nothing", 1, 0.5)))
        .hasMessageContaining("no experiment nothing to be forked")
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG));
  }
}
