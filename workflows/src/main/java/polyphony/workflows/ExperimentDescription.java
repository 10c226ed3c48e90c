package polyphony.workflows;

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
        + spec.task().name()
        + " · "
        + spec.baseModel()
        + " · "
        + counted(spec.agents(), "agent")
        + ", "
        + counted(spec.rounds(), "round")
        + ", "
        + counted(spec.iterations(), "iteration");
  }

  /**
   * The same at more length, as Markdown.
   *
   * @param spec complete
   */
  public static String details(ExperimentSpec spec) {
    return "- method: "
        + spec.method()
        + "\n- task: "
        + spec.task().name()
        + ", "
        + spec.task().train()
        + " questions to finetune on, "
        + spec.task().evaluate()
        + " to evaluate on"
        + "\n- base model: "
        + spec.baseModel()
        + "\n- agents: "
        + spec.agents()
        + ", rounds: "
        + spec.rounds()
        + "\n- seed: "
        + spec.seed();
  }

  private static String counted(int count, String what) {
    return count + " " + what + (count == 1 ? "" : "s");
  }

  private ExperimentDescription() {}
}
