package polyphony.workflows;

import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.RetryOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;

/** The steps as workflow code calls them: queue, limits and retries of each kind. */
final class StepOptions {
  /**
   * Embedded runs must not wait long for the first retry; what a person has to mend is not retried.
   */
  private static final RetryOptions RETRIES =
      RetryOptions.newBuilder()
          .setInitialInterval(Duration.ofSeconds(2))
          .setBackoffCoefficient(2)
          .setMaximumInterval(Duration.ofMinutes(5))
          .setMaximumAttempts(5)
          .setDoNotRetry(
              FailureTypes.DATA,
              FailureTypes.CONFIG,
              FailureTypes.BUG,
              InvalidSpecException.class.getName())
          .build();

  private static final ActivityOptions LIGHT =
      ActivityOptions.newBuilder()
          .setTaskQueue(Activities.ORCHESTRATION)
          .setStartToCloseTimeout(Duration.ofMinutes(10))
          .setRetryOptions(RETRIES)
          .build();

  private static final ActivityOptions SAMPLING =
      ActivityOptions.newBuilder()
          .setTaskQueue(Activities.SAMPLING)
          .setStartToCloseTimeout(Duration.ofHours(24))
          .setHeartbeatTimeout(Duration.ofSeconds(30))
          .setRetryOptions(RETRIES)
          .build();

  /** A cancelled training commits before it ends. */
  private static final ActivityOptions TRAINING =
      ActivityOptions.newBuilder(SAMPLING)
          .setTaskQueue(Activities.TRAINING)
          .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
          .build();

  static Activities.Light light(String summary) {
    return Workflow.newActivityStub(Activities.Light.class, withSummary(LIGHT, summary));
  }

  static Activities.Sampling sampling(String summary) {
    return Workflow.newActivityStub(Activities.Sampling.class, withSummary(SAMPLING, summary));
  }

  static Activities.Training training(String summary) {
    return Workflow.newActivityStub(Activities.Training.class, withSummary(TRAINING, summary));
  }

  /**
   * @param summary what a person reads on the timeline
   */
  private static ActivityOptions withSummary(ActivityOptions options, String summary) {
    return ActivityOptions.newBuilder(options).setSummary(summary).build();
  }

  private StepOptions() {}
}
