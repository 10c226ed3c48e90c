package polyphony.workflows;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/**
 * A comparison of methods: every experiment of it is a child workflow under the experiment's own
 * name, and operators act on it there. Cancelling the comparison cancels those that are running;
 * what they have finished is reused when the comparison is started again.
 */
@WorkflowInterface
public interface MethodComparison {
  /**
   * @param spec every field optional; null compares the methods of the paper's Table 1
   */
  @WorkflowMethod(name = "MethodComparison")
  ComparisonResult run(ComparisonSpec spec);

  /** The experiments that are finished, and those under way. */
  @QueryMethod(
      name = "progress",
      description = "The experiments that are finished, and those under way")
  ComparisonProgress progress();
}
