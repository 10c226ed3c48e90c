package polyphony.workflows;

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
        + "\n- seed: "
        + spec.seed();
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
