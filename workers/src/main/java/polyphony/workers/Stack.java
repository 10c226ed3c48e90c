package polyphony.workers;

import io.temporal.client.WorkflowClient;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import polyphony.workflows.Activities;
import polyphony.workflows.FinetuningIterationImpl;
import polyphony.workflows.MethodComparisonImpl;
import polyphony.workflows.MultiagentFinetuningImpl;
import polyphony.workflows.PolyphonyDataConverter;

/** A worker on task queues of a Temporal service. */
final class Stack implements AutoCloseable {
  /** Every queue that there is work on. */
  static final List<String> QUEUES =
      List.of(Activities.ORCHESTRATION, Activities.SAMPLING, Activities.TRAINING);

  private static final int LIGHT_SLOTS = 4;

  /** Without this, only every 24 seconds one would reach the service. */
  private static final Duration HEARTBEAT = Duration.ofSeconds(5);

  /** Workflow code may wait so long for a processor where all of them are sampling. */
  private static final Duration BUSY = Duration.ofSeconds(20);

  private final TemporalAccess temporal;
  private final WorkerFactory factory;

  private Stack(TemporalAccess temporal, WorkerFactory factory) {
    this.temporal = temporal;
    this.factory = factory;
  }

  /**
   * Starts to take work.
   *
   * @param temporal closed with this, and where this cannot be started
   * @param queues of {@link #QUEUES}, those to serve
   * @param slots samplings at the same time, and trainings
   * @throws polyphony.storage.PolyphonyException CONFIG where the service has not all that the
   *     workflows need, and this client may not add it
   */
  static Stack start(
      TemporalAccess temporal, Set<String> queues, int slots, StepActivities activities) {
    Stack stack = new Stack(temporal, WorkerFactory.newInstance(temporal.client()));
    try {
      SearchAttributes.register(temporal);
      stack.serve(queues, slots, activities);
      return stack;
    } catch (RuntimeException | Error e) {
      stack.close();
      throw e;
    }
  }

  private void serve(Set<String> queues, int slots, StepActivities activities) {
    if (queues.contains(Activities.ORCHESTRATION)) {
      Worker orchestration = factory.newWorker(Activities.ORCHESTRATION, slots(LIGHT_SLOTS));
      orchestration.registerWorkflowImplementationTypes(
          PolyphonyDataConverter.implementationOptions(),
          MultiagentFinetuningImpl.class,
          FinetuningIterationImpl.class,
          MethodComparisonImpl.class);
      orchestration.registerActivitiesImplementations(activities.light());
    }
    if (queues.contains(Activities.SAMPLING)) {
      factory
          .newWorker(Activities.SAMPLING, slots(slots))
          .registerActivitiesImplementations(activities.sampling());
    }
    if (queues.contains(Activities.TRAINING)) {
      factory
          .newWorker(Activities.TRAINING, slots(slots))
          .registerActivitiesImplementations(activities.training());
    }
    factory.start();
  }

  private static WorkerOptions slots(int count) {
    return WorkerOptions.newBuilder()
        .setMaxConcurrentActivityExecutionSize(count)
        .setDefaultDeadlockDetectionTimeout(BUSY.toMillis())
        // By its answer a step learns that it is to stop.
        .setMaxHeartbeatThrottleInterval(HEARTBEAT)
        .build();
  }

  WorkflowClient client() {
    return temporal.client();
  }

  /**
   * Finds out whether the service answers.
   *
   * @throws polyphony.storage.PolyphonyException where it does not
   */
  void probe() {
    temporal.probe();
  }

  /** Whether no other process has asked for heavy work lately. */
  boolean isAlone() {
    return temporal.isAlone(List.of(Activities.SAMPLING, Activities.TRAINING));
  }

  /** Takes no new work until {@link #resume}; what is running goes on. */
  void suspend() {
    factory.suspendPolling();
  }

  void resume() {
    factory.resumePolling();
  }

  /**
   * Stops taking work, asks what is running to commit and to stop, and waits for that.
   *
   * @return whether all of it ended within {@code grace}
   */
  boolean drain(Duration grace) {
    factory.shutdown();
    factory.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS);
    return factory.isTerminated();
  }

  @Override
  public void close() {
    factory.shutdownNow();
    factory.awaitTermination(5, TimeUnit.SECONDS);
    temporal.close();
  }
}
