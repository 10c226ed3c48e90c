package polyphony.workflows;

import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.failure.ChildWorkflowFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Resolves the spec, then runs one child workflow per iteration, each from the last one's end. */
public final class MultiagentFinetuningImpl implements MultiagentFinetuning {
  /** How long an iteration of an earlier, interrupted run may take to commit and close. */
  private static final Duration CLOSING_LIMIT = Duration.ofMinutes(10);

  private static final Duration CLOSING_POLL = Duration.ofSeconds(5);

  private final List<IterationReport> reports = new ArrayList<>();
  private final Ledger ledger = new Ledger();
  private String phase = "resolve";
  private int iteration;
  private int iterations;

  @Override
  public ExperimentResult run(ExperimentSpec spec) {
    try {
      return finetune(spec == null ? ExperimentSpec.empty() : spec);
    } catch (TemporalFailure failure) {
      throw FailureTypes.surfaced(failure);
    }
  }

  @Override
  public Progress progress() {
    return new Progress(
        phase, iteration, iterations, reports.size(), iterations + 1, List.copyOf(reports));
  }

  private ExperimentResult finetune(ExperimentSpec asked) {
    String name = Workflow.getInfo().getWorkflowId();
    checkName(name, asked.experiment());
    describe(name);
    Experiment experiment = StepOptions.light("complete and record the spec").resolve(name, asked);
    ExperimentSpec spec = experiment.spec();
    iterations = spec.iterations();

    Society society = Society.copies(experiment.base(), spec.agents());
    phase = "iterate";
    for (iteration = 0; iteration <= iterations; iteration++) {
      describe(name);
      FinetuningIteration.Result result = iterate(experiment, iteration, society);
      society = result.society();
      reports.add(result.report());
      ledger.add(result);
    }
    iteration = iterations;
    phase = "done";
    describe(name);
    return new ExperimentResult(
        experiment,
        List.copyOf(reports),
        ledger.phases(),
        ledger.computedSteps(),
        ledger.reusedSteps());
  }

  private static void checkName(String name, String asked) {
    if (!ExperimentNames.isValid(name)) {
      throw FailureTypes.config(
          "the workflow id \""
              + name
              + "\" is the experiment's name, allowed: "
              + ExperimentNames.ALLOWED);
    }
    if (asked != null && !asked.equals(name)) {
      throw FailureTypes.config(
          "experiment is \""
              + asked
              + "\", but the workflow id, which is its name, is \""
              + name
              + "\": make them equal or leave experiment out");
    }
  }

  /**
   * Runs one iteration. One of an earlier run of this experiment may still be committing its work
   * after that run was stopped; it is given time to close.
   */
  private FinetuningIteration.Result iterate(Experiment experiment, int number, Society society) {
    FinetuningIteration.Request request =
        new FinetuningIteration.Request(experiment, number, society);
    long polls = CLOSING_LIMIT.toSeconds() / CLOSING_POLL.toSeconds();
    for (long poll = 0; ; poll++) {
      try {
        return Workflow.newChildWorkflowStub(FinetuningIteration.class, options(experiment, number))
            .run(request);
      } catch (ChildWorkflowFailure failure) {
        if (!(failure.getCause() instanceof WorkflowExecutionAlreadyStarted)) {
          throw failure;
        }
        if (poll == polls) {
          throw FailureTypes.config(
              ExperimentNames.iteration(experiment.name(), number)
                  + " of an earlier run is still running: cancel or terminate it, then start the"
                  + " experiment again");
        }
        Workflow.sleep(CLOSING_POLL);
      }
    }
  }

  private static ChildWorkflowOptions options(Experiment experiment, int number) {
    ExperimentSpec spec = experiment.spec();
    String summary =
        "iteration "
            + number
            + " of "
            + spec.iterations()
            + (number == 0 ? " · the untuned society" : "");
    String details =
        "- method: "
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
    return ChildWorkflowOptions.newBuilder()
        .setWorkflowId(ExperimentNames.iteration(experiment.name(), number))
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
        .setParentClosePolicy(ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
        .setStaticSummary(summary)
        .setStaticDetails(details)
        .build();
  }

  /** What the Web UI shows of a running experiment: Markdown without tables, below 2 KB. */
  private void describe(String name) {
    StringBuilder details = new StringBuilder("- phase: ").append(phase);
    if (phase.equals("iterate")) {
      details.append(", iteration ").append(iteration).append(" of ").append(iterations);
      details.append(" (workflow ").append(ExperimentNames.iteration(name, iteration)).append(')');
    }
    // The newest results are what a person looks for, and there is only room for so many.
    for (IterationReport report :
        reports.subList(Math.max(0, reports.size() - 12), reports.size())) {
      details.append(
          String.format(
              Locale.ROOT,
              "\n- iteration %d: accuracy %.3f ± %.3f, consensus %.3f",
              report.iteration(),
              report.accuracy(),
              report.standardError(),
              report.consensus()));
    }
    Workflow.setCurrentDetails(details.toString());
  }
}
