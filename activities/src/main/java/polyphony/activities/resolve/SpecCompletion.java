package polyphony.activities.resolve;

import java.util.Optional;
import java.util.stream.Stream;
import polyphony.activities.Checkpoints;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.prompts.PromptSet;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.Purpose;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.TaskSpec;

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
      return SpecDefaults.complete(asked, origin(asked).spec());
    }
    String baseModel = asked.baseModel() == null ? SpecDefaults.BASE_MODEL : asked.baseModel();
    ModelDefaults defaults = checkpoints.defaults(models.checkpoint(baseModel));
    ExperimentSpec named = SpecDefaults.complete(asked, defaults);
    ExperimentSpec complete =
        named.evaluateOn() == null
            ? named
            : named.withEvaluateOn(data.complete(named.evaluateOn()));
    TaskSpec task = data.complete(complete.task());
    boolean open = asked.promptSet() == null && defaults.promptSet() == null;
    return complete.withTask(
        task, open && bringPrompts(complete) ? TASK_PROMPTS : complete.promptSet());
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
