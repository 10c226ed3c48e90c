package polyphony.workflows;

import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.RetryOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;

/** The steps as workflow code calls them: queue, limits and retries of each kind. */
final class StepOptions {
  /** {@link OperatedSteps} retries. */
  private static final RetryOptions ONCE = RetryOptions.newBuilder().setMaximumAttempts(1).build();

  /** Of what an experiment itself calls; what a person has to mend is not retried. */
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

  /** Every step sends heartbeats, so that a worker that is lost is missed soon. */
  private static final Duration HEARTBEAT = Duration.ofSeconds(30);

  private static final ActivityOptions LIGHT =
      ActivityOptions.newBuilder()
          .setTaskQueue(Activities.ORCHESTRATION)
          .setStartToCloseTimeout(Duration.ofMinutes(10))
          .setHeartbeatTimeout(HEARTBEAT)
          .setRetryOptions(ONCE)
          .build();

  private static final ActivityOptions DISPENSABLE =
      ActivityOptions.newBuilder(LIGHT)
          .setStartToCloseTimeout(Duration.ofMinutes(2))
          .setScheduleToCloseTimeout(Duration.ofMinutes(10))
          .setRetryOptions(RetryOptions.newBuilder(RETRIES).setMaximumAttempts(3).build())
          .build();

  /** An experiment waits for this at its end: seconds, whatever the receiver does. */
  private static final ActivityOptions NOTICE =
      ActivityOptions.newBuilder(LIGHT)
          .setStartToCloseTimeout(Duration.ofSeconds(15))
          .setScheduleToCloseTimeout(Duration.ofSeconds(30))
          .setRetryOptions(
              RetryOptions.newBuilder(RETRIES)
                  .setInitialInterval(Duration.ofSeconds(1))
                  .setMaximumAttempts(3)
                  .build())
          .build();

  /** A cancelled step commits before it ends, which the workflow waits for. */
  private static final ActivityOptions SAMPLING =
      ActivityOptions.newBuilder()
          .setTaskQueue(Activities.SAMPLING)
          .setStartToCloseTimeout(Duration.ofHours(24))
          .setHeartbeatTimeout(HEARTBEAT)
          .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
          .setRetryOptions(ONCE)
          .build();

  private static final ActivityOptions TRAINING =
      ActivityOptions.newBuilder(SAMPLING).setTaskQueue(Activities.TRAINING).build();

  static Activities.Light light(String summary) {
    return Workflow.newActivityStub(Activities.Light.class, withSummary(LIGHT, summary));
  }

  /** As {@link #light}, retried by the server. */
  static Activities.Light retried(String summary) {
    return Workflow.newActivityStub(
        Activities.Light.class,
        withSummary(ActivityOptions.newBuilder(LIGHT).setRetryOptions(RETRIES).build(), summary));
  }

  static Activities.Sampling sampling(String summary) {
    return Workflow.newActivityStub(Activities.Sampling.class, withSummary(SAMPLING, summary));
  }

  static Activities.Training training(String summary) {
    return Workflow.newActivityStub(Activities.Training.class, withSummary(TRAINING, summary));
  }

  /** Of what an experiment can do without: tried a few times, and not for long. */
  static Activities.Light dispensable(String summary) {
    return Workflow.newActivityStub(Activities.Light.class, withSummary(DISPENSABLE, summary));
  }

  /** Of what somebody is told: as {@link #dispensable}, and given up after seconds. */
  static Activities.Light notice(String summary) {
    return Workflow.newActivityStub(Activities.Light.class, withSummary(NOTICE, summary));
  }

  /** Of what is good to have: as {@link #dispensable}, and tried once. */
  static Activities.Light extra(String summary) {
    return Workflow.newActivityStub(
        Activities.Light.class,
        withSummary(
            ActivityOptions.newBuilder(DISPENSABLE).setRetryOptions(ONCE).build(), summary));
  }

  /**
   * @param summary what a person reads on the timeline
   */
  private static ActivityOptions withSummary(ActivityOptions options, String summary) {
    return ActivityOptions.newBuilder(options).setSummary(summary).build();
  }

  private StepOptions() {}
}
