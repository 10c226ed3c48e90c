package polyphony.activities.resolve;

import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.stream.Stream;
import polyphony.activities.Checkpoints;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.train.TrainStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.Purpose;
import polyphony.workflows.Role;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.TaskSpec;
import polyphony.workflows.TrainingSpec;

/** Fills in a spec's open fields with what its base model and its task bring along. */
public final class SpecCompletion {
  private final Checkpoints checkpoints;
  private final ModelRegistry models;
  private final DataRegistry data;
  private final ExperimentRecords experiments;

  public SpecCompletion(
      Checkpoints checkpoints,
      ModelRegistry models,
      DataRegistry data,
      ExperimentRecords experiments) {
    this.checkpoints = checkpoints;
    this.models = models;
    this.data = data;
    this.experiments = experiments;
  }

  /**
   * @throws PolyphonyException CONFIG where base model, task, data or the experiment to be forked
   *     are not there
   * @throws polyphony.workflows.InvalidSpecException if the spec is not allowed
   */
  public ExperimentSpec complete(ExperimentSpec asked) {
    if (asked.fork() != null) {
      SpecDefaults.check(asked);
      Experiment origin = origin(asked);
      ExperimentSpec fork = SpecDefaults.complete(asked, origin.spec());
      checkTargets(fork, origin.base());
      checkAdapters(fork, origin);
      return fork;
    }
    String baseModel = asked.baseModel() == null ? SpecDefaults.BASE_MODEL : asked.baseModel();
    ArtifactRef base = models.checkpoint(baseModel);
    ModelDefaults defaults = defaults(base);
    ExperimentSpec named = SpecDefaults.complete(asked, defaults);
    checkTargets(named, base);
    checkAdapters(named, base);
    ExperimentSpec complete =
        named.evaluateOn() == null
            ? named
            : named.withEvaluateOn(data.complete(named.evaluateOn()));
    TaskSpec task = data.complete(complete.task());
    boolean open = asked.promptSet() == null && defaults.promptSet() == null;
    return complete.withTask(
        task, open && bringPrompts(complete) ? TASK_PROMPTS : complete.promptSet());
  }

  /** Of a model that has an adapter itself, the adapter's shape is what is open. */
  private ModelDefaults defaults(ArtifactRef base) {
    ModelDefaults defaults = checkpoints.defaults(base);
    return checkpoints
        .adapterConfig(base)
        .map(
            own ->
                defaults.withAdapter(
                    own.rank(),
                    own.alpha(),
                    own.dropout(),
                    own.targets().equals(checkpoints.decoderConfig(base).linearLayers())
                        ? List.of(TrainingSpec.ALL_LINEAR)
                        : List.copyOf(own.targets())))
        .orElse(defaults);
  }

  /** An adapter that is there is trained on, and so keeps its shape. */
  private void checkAdapters(ExperimentSpec complete, ArtifactRef base) {
    checkpoints
        .adapterConfig(base)
        .ifPresent(
            own -> {
              for (Role role : Role.values()) {
                requireShape(complete, role, own, base);
              }
            });
  }

  /** As above, of the adapters that the experiment that is forked has trained. */
  private void checkAdapters(ExperimentSpec fork, Experiment origin) {
    if (fork.startFrom().equals(SpecDefaults.BASE) || fork.fork().iteration() == 1) {
      checkAdapters(fork, origin.base());
      return;
    }
    for (Role role : Role.values()) {
      TrainingSpec trained = origin.spec().training().forRole(role);
      TrainStep.adapter(trained, checkpoints.decoderConfig(origin.base()))
          .ifPresent(own -> requireShape(fork, role, own, origin.base()));
    }
  }

  private void requireShape(
      ExperimentSpec complete, Role role, AdapterConfig own, ArtifactRef base) {
    TrainStep.adapter(complete.training().forRole(role), checkpoints.decoderConfig(base))
        .filter(wanted -> !wanted.shapedAs(own))
        .ifPresent(
            wanted -> {
              throw PolyphonyException.config(
                  "training asks for "
                      + wanted.shown()
                      + ", but goes on with adapters that are "
                      + own.shown()
                      + "; ask for the same rank, alpha and targets, or start from a model without"
                      + " adapter");
            });
  }

  /** Which linear layers there are, only the model knows. */
  private void checkTargets(ExperimentSpec complete, ArtifactRef base) {
    for (Role role : Role.values()) {
      List<String> targets = complete.training().forRole(role).targets();
      if (targets == null || targets.contains(TrainingSpec.ALL_LINEAR)) {
        continue;
      }
      SortedSet<String> layers = checkpoints.decoderConfig(base).linearLayers();
      for (String target : targets) {
        if (!layers.contains(target)) {
          throw PolyphonyException.config(
              "training.targets names \""
                  + target
                  + "\", allowed: ["
                  + TrainingSpec.ALL_LINEAR
                  + "], or some of the linear layers that "
                  + complete.baseModel()
                  + " has, which are "
                  + String.join(", ", layers));
        }
      }
    }
  }

  /**
   * The experiment that a spec goes on from.
   *
   * @throws PolyphonyException CONFIG where there is none of that name
   */
  Experiment origin(ExperimentSpec asked) {
    String name = asked.fork().experiment();
    return experiments
        .experiment(name)
        .orElseThrow(
            () ->
                PolyphonyException.config(
                    "the store has no experiment "
                        + name
                        + " to be forked; polyphony list shows those that there are"));
  }

  /** The prompt set that stands for what the tasks' own data bring along. */
  static final String TASK_PROMPTS = "task";

  /**
   * The prompt set of a complete spec for questions to finetune or to evaluate on. Where each task
   * has its own and one brings none, that one's are the standard ones.
   *
   * @throws PolyphonyException CONFIG where it does not exist
   */
  PromptSet prompts(ExperimentSpec complete, Purpose purpose) {
    if (!complete.promptSet().equals(TASK_PROMPTS)) {
      return PromptSet.named(complete.promptSet());
    }
    TaskSpec task =
        switch (purpose) {
          case FINETUNE -> complete.task();
          case EVALUATE -> complete.evaluated();
        };
    Optional<PromptSet> own = data.prompts(task);
    if (own.isEmpty() && !bringPrompts(complete)) {
      throw PolyphonyException.config(
          "task "
              + task.name()
              + " brings no prompts; promptSet is one of "
              + String.join(", ", PromptSet.names()));
    }
    return own.orElseGet(() -> PromptSet.named(SpecDefaults.PROMPT_SET));
  }

  private boolean bringPrompts(ExperimentSpec spec) {
    return Stream.of(spec.task(), spec.evaluated())
        .anyMatch(task -> data.prompts(task).isPresent());
  }
}
