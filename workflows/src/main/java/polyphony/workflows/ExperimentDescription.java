package polyphony.workflows;

import java.util.Optional;
import java.util.stream.Collectors;

/** An experiment in words, for the summary and the details that whoever starts a workflow sets. */
public final class ExperimentDescription {
  /**
   * Such as {@code multiagent-ft on arithmetic · built-in · 3 agents, 2 rounds, 3 iterations}.
   *
   * @param spec complete
   */
  public static String summary(ExperimentSpec spec) {
    return spec.method()
        + " on "
        + task(spec.task())
        + (spec.evaluateOn() == null ? "" : ", evaluated on " + task(spec.evaluateOn()))
        + " · "
        + spec.baseModel()
        + " · "
        + counted(spec.agents(), "agent")
        + ", "
        + counted(spec.rounds(), "round")
        + ", "
        + counted(spec.iterations(), "iteration")
        + tuning(spec).map(each -> " · " + each).orElse("")
        + (spec.fork() == null
            ? ""
            : " · fork of "
                + spec.fork().experiment()
                + " at iteration "
                + spec.fork().iteration());
  }

  /**
   * The same at more length, as Markdown.
   *
   * @param spec complete
   */
  public static String details(ExperimentSpec spec) {
    boolean fresh = spec.questions().equals(SpecDefaults.FRESH);
    return "- method: "
        + spec.method()
        + "\n- task: "
        + task(spec.task())
        + ", "
        + spec.task().train()
        + (fresh ? " questions in each iteration to finetune on" : " questions to finetune on")
        + (spec.evaluateOn() == null
            ? ", " + spec.task().evaluate() + " to evaluate on"
            : "\n- evaluated on: "
                + task(spec.evaluateOn())
                + ", "
                + spec.evaluateOn().evaluate()
                + " questions")
        + "\n- base model: "
        + spec.baseModel()
        + "\n- agents: "
        + spec.agents()
        + ", rounds: "
        + spec.rounds()
        + tuning(spec).map(each -> "\n- tuning: " + each).orElse("")
        + "\n- seed: "
        + spec.seed();
  }

  /**
   * How agents with adapters are tuned, such as {@code LoRA, rank 8, all linear layers} or {@code
   * generators LoRA, rank 8, q_proj, v_proj; critics full}; empty where nobody has one.
   *
   * @param spec complete
   */
  public static Optional<String> tuning(ExperimentSpec spec) {
    Method.Trains trains = Method.named(spec.method()).trains();
    TrainingSpec generator = spec.training().forRole(Role.GENERATOR);
    TrainingSpec critic = spec.training().forRole(Role.CRITIC);
    boolean both = trains == Method.Trains.GENERATORS_AND_CRITICS;
    boolean any = generator.tunesAdapter() || (both && critic.tunesAdapter());
    if (trains == Method.Trains.NOTHING || !any) {
      return Optional.empty();
    }
    return Optional.of(
        !both || tuning(generator).equals(tuning(critic))
            ? tuning(generator)
            : "generators " + tuning(generator) + "; critics " + tuning(critic));
  }

  private static String tuning(TrainingSpec training) {
    return training.tunesAdapter()
        ? "LoRA, rank "
            + training.rank()
            + ", "
            + (training.targets().equals(TuningDefaults.TARGETS)
                ? "all linear layers"
                : String.join(", ", training.targets()))
        : training.tuning();
  }

  /** A task with what of it is asked, such as {@code arithmetic with operands up to 60}. */
  public static String task(TaskSpec task) {
    if (task.operands() != null) {
      return task.name() + " with operands up to " + task.operands();
    }
    return task.levels() == null
        ? task.name()
        : task.name()
            + " of levels "
            + task.levels().stream().map(String::valueOf).collect(Collectors.joining(", "));
  }

  private static String counted(int count, String what) {
    return count + " " + what + (count == 1 ? "" : "s");
  }

  private ExperimentDescription() {}
}
