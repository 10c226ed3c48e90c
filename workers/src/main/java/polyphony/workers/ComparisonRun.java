package polyphony.workers;

import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Activities;
import polyphony.workflows.ComparisonProgress;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.ComparisonSpec;
import polyphony.workflows.MethodComparison;
import polyphony.workflows.MultiagentFinetuning;

/**
 * A comparison's workflow, seen from outside.
 *
 * @param attached whether it was running already
 */
record ComparisonRun(WorkflowStub workflow, boolean attached) {
  private static final Duration REDRAW = Duration.ofSeconds(1);

  /**
   * Starts the comparison of this name, also where an earlier run of it is closed; where one is
   * running, joins it.
   *
   * @param attended whether somebody can act on its experiments while it runs
   * @throws PolyphonyException CONFIG where the running one was started with another spec
   */
  static ComparisonRun startOrAttach(
      WorkflowClient client, String name, ComparisonSpec asked, boolean attended) {
    int experiments = asked.experiments().size();
    WorkflowOptions options =
        WorkflowOptions.newBuilder()
            .setWorkflowId(name)
            .setTaskQueue(Activities.ORCHESTRATION)
            .setWorkflowIdReusePolicy(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
            .setMemo(Map.of(MultiagentFinetuning.UNATTENDED, !attended))
            .setStaticSummary("comparison of " + experiments + " experiments")
            .build();
    WorkflowStub workflow =
        WorkflowStub.fromTyped(client.newWorkflowStub(MethodComparison.class, options));
    try {
      workflow.start(asked);
      return new ComparisonRun(workflow, false);
    } catch (WorkflowExecutionAlreadyStarted e) {
      if (!ExperimentRun.input(client, e.getExecution(), ComparisonSpec.class)
          .orElse(ComparisonSpec.empty())
          .equals(asked)) {
        throw PolyphonyException.config(
            "comparison "
                + name
                + " is running with another spec; wait for its end, or give yours another name");
      }
      return new ComparisonRun(client.newUntypedWorkflowStub(name), true);
    }
  }

  /**
   * Waits for its end and shows meanwhile how far it is.
   *
   * @param tokens sampled, scored or trained on so far in this process
   * @param quiet whether nothing is to be shown any more
   * @throws WorkflowException where it failed
   */
  ComparisonResult follow(ProgressDisplay display, LongSupplier tokens, BooleanSupplier quiet)
      throws InterruptedException {
    long start = System.nanoTime();
    CompletableFuture<ComparisonResult> result = workflow.getResultAsync(ComparisonResult.class);
    Speed speed = new Speed();
    int reported = 0;
    while (true) {
      try {
        ComparisonResult ended = result.get(REDRAW.toMillis(), TimeUnit.MILLISECONDS);
        display.succeeded(
            "compared in "
                + ProgressLine.clock(Duration.ofNanos(System.nanoTime() - start))
                + ": "
                + ended.experiments().size()
                + " experiments, "
                + ended.computedSteps()
                + " steps computed, "
                + ended.reusedSteps()
                + " reused");
        return ended;
      } catch (TimeoutException e) {
        if (quiet.getAsBoolean()) {
          continue;
        }
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        double tokensPerSecond = speed.perSecond(elapsed, tokens.getAsLong());
        ComparisonProgress progress = progress();
        if (progress == null || progress.experiments() == 0) {
          continue;
        }
        for (; reported < progress.finished().size(); reported++) {
          display.say(line(progress, reported));
        }
        display.show(
            line(progress, tokensPerSecond, elapsed),
            String.join(",", progress.running()),
            elapsed);
      } catch (ExecutionException e) {
        display.close();
        if (e.getCause() instanceof WorkflowException failure) {
          throw failure;
        }
        throw new IllegalStateException("waiting for the comparison failed", e.getCause());
      }
    }
  }

  /** Null where nobody answers: a comparison does not depend on being watched. */
  private ComparisonProgress progress() {
    try {
      return workflow.query("progress", ComparisonProgress.class);
    } catch (WorkflowException e) {
      return null;
    }
  }

  /** One experiment that is through, such as {@code 3/18 debate-…: accuracy 0.772 ± 0.019}. */
  private static String line(ComparisonProgress progress, int index) {
    ComparisonProgress.Finished finished = progress.finished().get(index);
    return String.format(
        Locale.ROOT,
        "%d/%d %s: accuracy %.3f ± %.3f",
        index + 1,
        progress.experiments(),
        finished.experiment(),
        finished.last().accuracy(),
        finished.last().standardError());
  }

  private static String line(
      ComparisonProgress progress, double tokensPerSecond, Duration elapsed) {
    return progress.finished().size()
        + "/"
        + progress.experiments()
        + " experiments · "
        + ProgressLine.clock(elapsed)
        + (tokensPerSecond >= 1 ? " · " + ProgressLine.speed(tokensPerSecond) : "")
        + " · running: "
        + String.join(", ", progress.running());
  }
}
