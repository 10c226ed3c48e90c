package polyphony.workflows;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.Map;

/** One iteration: debate, vote, split and training (from iteration 1 on), then evaluation. */
@WorkflowInterface
public interface FinetuningIteration {
  /**
   * @param iteration 0 evaluates the untuned society and trains nothing
   * @param society who debates
   */
  record Request(Experiment experiment, int iteration, Society society) {}

  /**
   * @param society after training
   * @param phases wall seconds by step name
   */
  record Result(
      IterationReport report,
      Society society,
      Map<String, Double> phases,
      int computedSteps,
      int reusedSteps) {}

  @WorkflowMethod(name = "FinetuningIteration")
  Result run(Request request);

  /** How far this iteration is. */
  @QueryMethod(name = "progress", description = "How far this iteration is")
  Progress progress();
}
