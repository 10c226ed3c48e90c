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
import polyphony.workflows.Method;
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

  /** A base model's own adapter is the first that is trained. */
  private void checkAdapters(ExperimentSpec complete, ArtifactRef base) {
    Optional<AdapterConfig> own = checkpoints.adapterConfig(base);
    for (Role role : trained(complete)) {
      checkAdapter(complete, role, base, own, complete.baseModel());
    }
  }

  /** What a fork begins with is what its experiment's last iteration before it left. */
  private void checkAdapters(ExperimentSpec fork, Experiment origin) {
    int before = fork.fork().iteration() - 1;
    if (before == 0 || fork.startFrom().equals(SpecDefaults.BASE)) {
      checkAdapters(fork, origin.base());
      return;
    }
    for (Role role : trained(fork)) {
      TrainingSpec left = origin.spec(before).training().forRole(role);
      if (left.tunesAdapter()) {
        Optional<AdapterConfig> adapter =
            TrainStep.adapter(left, checkpoints.decoderConfig(origin.base()));
        String whose = "iteration " + before + " of " + origin.name();
        checkAdapter(fork, role, origin.base(), adapter, whose);
      }
    }
  }

  private static List<Role> trained(ExperimentSpec spec) {
    return switch (Method.named(spec.method()).trains()) {
      case NOTHING -> List.of();
      case ONE_MODEL, GENERATORS -> List.of(Role.GENERATOR);
      case GENERATORS_AND_CRITICS -> List.of(Role.values());
    };
  }

  /**
   * An adapter that is trained on keeps its shape; found out here, and not after the first debate.
   *
   * @param before what the role begins with
   * @param whose it is
   */
  private void checkAdapter(
      ExperimentSpec complete,
      Role role,
      ArtifactRef base,
      Optional<AdapterConfig> before,
      String whose) {
    TrainingSpec training = complete.training().forRole(role);
    if (before.isEmpty() || !training.tunesAdapter()) {
      return;
    }
    AdapterConfig wanted =
        TrainStep.adapter(training, checkpoints.decoderConfig(base)).orElseThrow();
    if (!before.get().sameShape(wanted)) {
      throw PolyphonyException.config(
          "training asks for "
              + wanted.shown()
              + ", but what "
              + whose
              + " has and is to be trained on is "
              + before.get().shown()
              + ": set rank, alpha and targets to the same, or tuning to full, which merges it");
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
