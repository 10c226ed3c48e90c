package polyphony.activities.resolve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
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
import polyphony.storage.Sealed;
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
    if (recorded.isEmpty()) {
      Experiment experiment = experiment(name, spec);
      if (store.writeIfAbsent(key(name), Sealed.seal(CanonicalJson.bytes(experiment)))) {
        restoreInputs(experiment);
        return experiment;
      }
      // Somebody else was faster.
      recorded = recorded(name);
    }
    Experiment continued = continued(recorded.orElseThrow(), spec);
    restoreInputs(continued);
    return continued;
  }

  /**
   * Makes what the experiment started from once more, where it has vanished from the store: taken
   * away since it was damaged, say.
   */
  private void restoreInputs(Experiment experiment) {
    ExperimentSpec spec = experiment.spec();
    Task task = Tasks.named(spec.task().name());
    restore(
        experiment.trainQuestions(),
        () -> questions(task, Task.Split.FINETUNE, spec.task().train(), spec.seed()));
    restore(experiment.evaluateQuestions(), () -> evaluateQuestions(task, spec));
    restore(experiment.prompts(), () -> prompts(spec));
    if (!whole(experiment.base())) {
      // The built-in model is put there again; of another one, only its name is known.
      ArtifactRef again = models.checkpoint(spec.baseModel());
      if (!again.equals(experiment.base()) || !whole(again)) {
        throw PolyphonyException.data(
            "the model "
                + spec.baseModel()
                + " of experiment "
                + experiment.name()
                + " ("
                + Artifacts.key(experiment.base())
                + ") is not whole in the store any more: import the very same model again");
      }
    }
  }

  private boolean whole(ArtifactRef checkpoint) {
    return artifacts.present(checkpoint)
        && checkpoints.files(checkpoint).values().stream().allMatch(artifacts::present);
  }

  private void restore(ArtifactRef artifact, Supplier<ArtifactRef> again) {
    if (!artifacts.present(artifact) && !again.get().equals(artifact)) {
      throw PolyphonyException.data(
          Artifacts.key(artifact)
              + " ("
              + artifact.name()
              + ") is not in the store, and this version makes another one: restore it, or start"
              + " the experiment under another name");
    }
  }

  private static String key(String name) {
    return "experiments/" + name + "/experiment.json";
  }

  /** What was recorded under this name. */
  public Optional<Experiment> recorded(String name) {
    try {
      return Optional.of(
          JSON.readValue(Sealed.content(store.bytes(key(name), MAX_BYTES)), Experiment.class));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          key(name)
              + " in the store is damaged, or not an experiment that this version can read; use"
              + " another name, or restore it with polyphony recompute "
              + name
              + " experiment.json",
          e);
    }
  }

  /**
   * A recorded experiment that is gone on with.
   *
   * @return it, with the iterations asked for now
   * @throws PolyphonyException CONFIG where it differs in a field that was asked for
   */
  public static Experiment continued(Experiment recorded, ExperimentSpec asked) {
    List<String> conflicts = SpecConflicts.between(recorded.spec(), asked);
    if (!conflicts.isEmpty()) {
      throw PolyphonyException.config(
          String.join("; ", conflicts)
              + ": an experiment never changes, so give this one another name");
    }
    return asked.iterations() == null ? recorded : recorded.withIterations(asked.iterations());
  }

  private Experiment experiment(String name, ExperimentSpec asked) {
    String baseModel = asked.baseModel() == null ? SpecDefaults.BASE_MODEL : asked.baseModel();
    ArtifactRef base = models.checkpoint(baseModel);
    ExperimentSpec complete = SpecDefaults.complete(asked, checkpoints.defaults(base));
    ExperimentSpec spec = named(complete, name);
    Task task = Tasks.named(spec.task().name());
    return new Experiment(
        name,
        spec,
        base,
        questions(task, Task.Split.FINETUNE, spec.task().train(), spec.seed()),
        evaluateQuestions(task, spec),
        prompts(spec),
        PLAN,
        versions);
  }

  private ArtifactRef evaluateQuestions(Task task, ExperimentSpec spec) {
    return questions(
        task,
        spec.task().evaluateSplit().equals(SpecDefaults.VALIDATE_SPLIT)
            ? Task.Split.VALIDATE
            : Task.Split.EVALUATE,
        spec.task().evaluate(),
        spec.seed());
  }

  private ArtifactRef prompts(ExperimentSpec spec) {
    return artifacts.put(
        PromptSet.named(spec.promptSet()).bytes(), PromptSet.MEDIA_TYPE, PromptSet.FILE);
  }

  private ArtifactRef questions(Task task, Task.Split split, int count, long seed) {
    return artifacts.put(
        JsonLines.write(task.questions(split, count, seed)),
        JsonLines.MEDIA_TYPE,
        split == Task.Split.FINETUNE ? "train-questions.jsonl" : "evaluate-questions.jsonl");
  }

  private static ExperimentSpec named(ExperimentSpec spec, String name) {
    return new ExperimentSpec(
        name,
        spec.method(),
        spec.task(),
        spec.evaluateOn(),
        spec.baseModel(),
        spec.agents(),
        spec.rounds(),
        spec.iterations(),
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
