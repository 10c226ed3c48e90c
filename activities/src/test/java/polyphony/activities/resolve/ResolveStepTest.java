package polyphony.activities.resolve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.StoreInFolder;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.ArithmeticTask;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Task;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.InvalidSpecException;
import polyphony.workflows.TaskSpec;

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
    models().importFolder("tiny", model);
    Experiment first = resolve(Map.of()).run("trial", spec("tiny", null, null));
    ArtifactRef weights = store.checkpoints.files(first.base()).get(Checkpoints.WEIGHTS);
    store.store.delete(Artifacts.key(weights));
    assertThatThrownBy(() -> resolve(Map.of()).run("trial", null))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("the model tiny")
        .hasMessageContaining("import");
    models().importFolder("tiny", model);
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
    models().importFolder("tiny", model);
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
    models().importFolder("tiny", model);
    assertThat(models().importFolder("tiny", model))
        .isEqualTo(models().imported("tiny").orElseThrow());
    Path other = temporary.resolve("other");
    TinyModels.random(other, TinyModels.config(false), 9);
    assertThatThrownBy(() -> models().importFolder("tiny", other))
        .hasMessageContaining("belongs to another model");
    assertThatThrownBy(() -> models().importFolder("built-in", other))
        .hasMessageContaining("cannot be called");
    assertThatThrownBy(() -> models().importFolder("a/b", other))
        .hasMessageContaining("cannot be called");
  }

  @Test
  void anExperimentNeedsAName() {
    assertThatThrownBy(() -> resolve(Map.of()).run("../x", spec(null, null, null)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("cannot be called");
  }
}
