package polyphony.activities.resolve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.Task;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecConflicts;
import polyphony.workflows.SpecDefaults;

/**
 * Completes a spec and records it under the experiment's name, once: {@code
 * experiments/<name>/experiment.json}. Whoever asks for the same name later gets the record, so
 * that neither new defaults nor a new version change an experiment that has begun.
 */
public final class ResolveStep {
  /** Small enough that one lost unit costs minutes, large enough that batches are full. */
  static final Experiment.BatchPlan PLAN = new Experiment.BatchPlan(250, 50);

  private static final int MAX_BYTES = 1 << 20;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Checkpoints checkpoints;
  private final ModelRegistry models;
  private final Map<String, String> versions;

  /**
   * @param versions of everything that can change bytes
   */
  public ResolveStep(
      ObjectStore store,
      Artifacts artifacts,
      Checkpoints checkpoints,
      ModelRegistry models,
      Map<String, String> versions) {
    this.store = store;
    this.artifacts = artifacts;
    this.checkpoints = checkpoints;
    this.models = models;
    this.versions = new TreeMap<>(versions);
  }

  /**
   * @param asked null counts as a spec in which nothing is set
   * @return the experiment; its spec's iterations are those asked for now
   * @throws PolyphonyException CONFIG where a name does not exist or the recorded experiment
   *     differs in a field that was asked for
   * @throws polyphony.workflows.InvalidSpecException where a field's value is not allowed
   */
  public Experiment run(String name, ExperimentSpec asked) {
    ExperimentSpec spec = asked == null ? ExperimentSpec.empty() : asked;
    SpecDefaults.check(spec);
    if (name == null || !ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "an experiment cannot be called \"" + name + "\", allowed: " + ExperimentNames.ALLOWED);
    }
    Optional<Experiment> recorded = recorded(name);
    if (recorded.isPresent()) {
      return continued(recorded.get(), spec);
    }
    Experiment experiment = experiment(name, spec);
    if (store.writeIfAbsent(key(name), CanonicalJson.bytes(experiment))) {
      return experiment;
    }
    // Somebody else was faster.
    return continued(recorded(name).orElseThrow(), spec);
  }

  private static String key(String name) {
    return "experiments/" + name + "/experiment.json";
  }

  /** What was recorded under this name. */
  public Optional<Experiment> recorded(String name) {
    try {
      return Optional.of(JSON.readValue(store.bytes(key(name), MAX_BYTES), Experiment.class));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          key(name) + " in the store is not an experiment this version can read; use another name",
          e);
    }
  }

  private static Experiment continued(Experiment recorded, ExperimentSpec asked) {
    List<String> conflicts = SpecConflicts.between(recorded.spec(), asked);
    if (!conflicts.isEmpty()) {
      throw PolyphonyException.config(
          String.join("; ", conflicts)
              + ": an experiment never changes, so give this one another name");
    }
    return asked.iterations() == null
        ? recorded
        : withSpec(recorded, named(recorded.spec(), recorded.name(), asked.iterations()));
  }

  private Experiment experiment(String name, ExperimentSpec asked) {
    String baseModel = asked.baseModel() == null ? SpecDefaults.BASE_MODEL : asked.baseModel();
    ArtifactRef base = models.checkpoint(baseModel);
    ExperimentSpec complete = SpecDefaults.complete(asked, checkpoints.defaults(base));
    ExperimentSpec spec = named(complete, name, complete.iterations());
    Task task = Tasks.named(spec.task().name());
    return new Experiment(
        name,
        spec,
        base,
        questions(task, Task.Split.FINETUNE, spec.task().train(), spec.seed()),
        questions(
            task,
            spec.task().evaluateSplit().equals(SpecDefaults.VALIDATE_SPLIT)
                ? Task.Split.VALIDATE
                : Task.Split.EVALUATE,
            spec.task().evaluate(),
            spec.seed()),
        artifacts.put(
            PromptSet.named(spec.promptSet()).bytes(), PromptSet.MEDIA_TYPE, PromptSet.FILE),
        PLAN,
        versions);
  }

  private ArtifactRef questions(Task task, Task.Split split, int count, long seed) {
    return artifacts.put(
        JsonLines.write(task.questions(split, count, seed)),
        JsonLines.MEDIA_TYPE,
        split == Task.Split.FINETUNE ? "train-questions.jsonl" : "evaluate-questions.jsonl");
  }

  private static Experiment withSpec(Experiment experiment, ExperimentSpec spec) {
    return new Experiment(
        experiment.name(),
        spec,
        experiment.base(),
        experiment.trainQuestions(),
        experiment.evaluateQuestions(),
        experiment.prompts(),
        experiment.plan(),
        experiment.versions());
  }

  private static ExperimentSpec named(ExperimentSpec spec, String name, int iterations) {
    return new ExperimentSpec(
        name,
        spec.method(),
        spec.task(),
        spec.evaluateOn(),
        spec.baseModel(),
        spec.agents(),
        spec.rounds(),
        iterations,
        spec.seed(),
        spec.summaries(),
        spec.questions(),
        spec.tieRule(),
        spec.minimumVotes(),
        spec.criticMix(),
        spec.criticLoss(),
        spec.startFrom(),
        spec.sampling(),
        spec.training(),
        spec.likelihoodModel(),
        spec.embeddingModel(),
        spec.promptSet());
  }
}
