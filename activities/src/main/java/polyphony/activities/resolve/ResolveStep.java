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
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.Question;
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
import polyphony.workflows.Purpose;
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

  private static final String EVALUATE_FILE = "evaluate-questions.jsonl";
  private static final int MAX_BYTES = 1 << 20;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Checkpoints checkpoints;
  private final ModelRegistry models;
  private final DataRegistry data;
  private final QuestionSets sets;
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
    this.data = new DataRegistry(store, artifacts);
    this.sets = new QuestionSets(data);
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
    if (continued.spec().iterations() > recorded.orElseThrow().spec().iterations()) {
      checkQuestions(continued);
    }
    return continued;
  }

  /**
   * Makes what the experiment started from once more, where it has vanished from the store: taken
   * away since it was damaged, say.
   */
  private void restoreInputs(Experiment experiment) {
    // A fork has those of the experiment that began.
    ExperimentSpec spec = experiment.spec(0);
    restore(experiment.trainQuestions(), () -> trainQuestions(spec));
    restore(experiment.evaluateQuestions(), () -> put(sets.evaluate(spec), EVALUATE_FILE));
    restore(experiment.prompts(), () -> prompts(spec, Purpose.FINETUNE));
    if (experiment.evaluatePrompts() != null) {
      restore(experiment.evaluatePrompts(), () -> prompts(spec, Purpose.EVALUATE));
    }
    restoreModel(experiment, "baseModel", spec.baseModel(), experiment.base());
    restoreModel(
        experiment, "likelihoodModel", spec.likelihoodModel(), experiment.likelihoodCheckpoint());
    restoreModel(
        experiment, "embeddingModel", spec.embeddingModel(), experiment.embeddingCheckpoint());
  }

  /**
   * @param checkpoint null where the experiment has none for this field
   */
  private void restoreModel(
      Experiment experiment, String field, String name, ArtifactRef checkpoint) {
    if (checkpoint == null || whole(checkpoint)) {
      return;
    }
    // The built-in model is put there again; of another one, only its name is known.
    ArtifactRef again = models.checkpoint(field, name);
    if (!again.equals(checkpoint) || !whole(again)) {
      throw PolyphonyException.data(
          "the model "
              + name
              + " of experiment "
              + experiment.name()
              + " ("
              + Artifacts.key(checkpoint)
              + ") is not whole in the store any more: import the very same model again, and what"
              + " it is an adapter for, if it is one, before it");
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
    if (asked.fork() != null) {
      return fork(name, asked);
    }
    String baseModel = asked.baseModel() == null ? SpecDefaults.BASE_MODEL : asked.baseModel();
    ArtifactRef base = model("baseModel", baseModel, false);
    ExperimentSpec spec = completion().complete(asked).withName(name);
    List<Question> evaluate = sets.evaluate(spec);
    sets.check(spec, spec.seed(), evaluate);
    ArtifactRef prompts = prompts(spec, Purpose.FINETUNE);
    ArtifactRef evaluatePrompts = prompts(spec, Purpose.EVALUATE);
    return new Experiment(
        name,
        spec,
        base,
        trainQuestions(spec),
        put(evaluate, EVALUATE_FILE),
        prompts,
        PLAN,
        versions,
        evaluatePrompts.equals(prompts) ? null : evaluatePrompts,
        spec.likelihoodModel().equals(SpecDefaults.SELF)
            ? null
            : model("likelihoodModel", spec.likelihoodModel(), false),
        spec.embeddingModel().equals(SpecDefaults.BASE)
            ? null
            : model("embeddingModel", spec.embeddingModel(), true),
        null);
  }

  private Experiment fork(String name, ExperimentSpec asked) {
    SpecCompletion completion = completion();
    ExperimentSpec spec = completion.complete(asked).withName(name);
    Experiment fork = completion.origin(asked).fork(name, spec);
    checkQuestions(fork);
    return fork;
  }

  /** Checks that what an experiment has begun with suffices for what is asked of it now. */
  private void checkQuestions(Experiment experiment) {
    sets.check(
        experiment.spec(),
        experiment.questionSeed(),
        JsonLines.read(artifacts.bytes(experiment.evaluateQuestions()), Question.class));
  }

  /** The checkpoint that a field names, which must be one of the right kind. */
  private ArtifactRef model(String field, String name, boolean encoder) {
    ArtifactRef checkpoint = models.checkpoint(field, name);
    if (checkpoints.isEncoder(checkpoint) != encoder) {
      throw PolyphonyException.config(
          field
              + " is \""
              + name
              + "\", which is "
              + (encoder ? "a language model; a T5 encoder" : "an encoder; a language model")
              + " is needed");
    }
    return checkpoint;
  }

  /**
   * What an experiment that is given no name will be called.
   *
   * @throws PolyphonyException CONFIG where a name in the spec does not exist
   * @throws polyphony.workflows.InvalidSpecException where a field's value is not allowed
   */
  public String name(ExperimentSpec asked) {
    return ExperimentNames.derive(completion().complete(asked));
  }

  /** The only ones, or those of iteration 1. */
  private ArtifactRef trainQuestions(ExperimentSpec spec) {
    return put(sets.train(spec.task(), 1, spec.seed()), "train-questions.jsonl");
  }

  private ArtifactRef put(List<Question> questions, String file) {
    return artifacts.put(JsonLines.write(questions), JsonLines.MEDIA_TYPE, file);
  }

  private ArtifactRef prompts(ExperimentSpec spec, Purpose purpose) {
    return artifacts.put(
        completion().prompts(spec, purpose).bytes(), PromptSet.MEDIA_TYPE, PromptSet.FILE);
  }

  private SpecCompletion completion() {
    return new SpecCompletion(checkpoints, models, data, new ExperimentRecords(store));
  }
}
