package polyphony.workflows;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** An experiment: the untuned society's evaluation, then one child workflow per iteration. */
@WorkflowInterface
public interface MultiagentFinetuning {
  /**
   * @param spec every field optional; null runs the default experiment
   */
  @WorkflowMethod(name = "MultiagentFinetuning")
  ExperimentResult run(ExperimentSpec spec);

  /** Phase, iteration and the results so far. */
  @QueryMethod(name = "progress", description = "Phase, iteration and the results so far")
  Progress progress();
}
