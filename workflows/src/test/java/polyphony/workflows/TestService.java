package polyphony.workflows;

import com.google.protobuf.ByteString;
import io.temporal.api.common.v1.Payload;
import io.temporal.api.enums.v1.EventType;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.common.converter.RawValue;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.Map;
import java.util.function.Predicate;

/** An in-process Temporal service with one worker on every queue. */
final class TestService implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Steps hear at once that they are asked to stop. */
  /** On a machine that is busy, a workflow thread may wait for its turn. */
  static final WorkerOptions PATIENT =
      WorkerOptions.newBuilder().setDefaultDeadlockDetectionTimeout(30_000).build();

  private static final WorkerOptions QUICK =
      WorkerOptions.newBuilder(PATIENT)
          .setMaxHeartbeatThrottleInterval(Duration.ofMillis(20))
          .setDefaultHeartbeatThrottleInterval(Duration.ofMillis(20))
          .build();

  private final TestWorkflowEnvironment environment;

  TestService(FakeSteps steps) {
    TestEnvironmentOptions.Builder options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(
                WorkflowClientOptions.newBuilder()
                    .setDataConverter(PolyphonyDataConverter.create())
                    .setIdentity("test")
                    .build());
    ExperimentSearchAttributes.ALL.forEach(
        key -> options.registerSearchAttribute(key.getName(), key.getValueType()));
    environment = TestWorkflowEnvironment.newInstance(options.build());
    Worker orchestration = environment.newWorker(Activities.ORCHESTRATION, QUICK);
    orchestration.registerWorkflowImplementationTypes(
        PolyphonyDataConverter.implementationOptions(),
        MultiagentFinetuningImpl.class,
        FinetuningIterationImpl.class,
        MethodComparisonImpl.class);
    // Every worker registers one kind of step, so that a step on a wrong queue is noticed.
    orchestration.registerActivitiesImplementations(only(Activities.Light.class, steps));
    environment
        .newWorker(Activities.SAMPLING, QUICK)
        .registerActivitiesImplementations(only(Activities.Sampling.class, steps));
    environment
        .newWorker(Activities.TRAINING, QUICK)
        .registerActivitiesImplementations(only(Activities.Training.class, steps));
    environment.start();
  }

  /** The steps seen as one of their interfaces alone. */
  private static Object only(Class<?> kind, FakeSteps steps) {
    return java.lang.reflect.Proxy.newProxyInstance(
        kind.getClassLoader(),
        new Class<?>[] {kind},
        (proxy, method, arguments) -> {
          try {
            return method.invoke(steps, arguments);
          } catch (java.lang.reflect.InvocationTargetException e) {
            throw e.getCause();
          }
        });
  }

  /** Runs an experiment to its end. */
  ExperimentResult run(String name, String spec) {
    WorkflowStub workflow = start(name, spec);
    return workflow.getResult(ExperimentResult.class);
  }

  /** Starts an experiment with what somebody typed. */
  WorkflowStub start(String name, String json) {
    WorkflowStub workflow = stub(name);
    workflow.start(raw(json));
    return workflow;
  }

  /** As {@link #start}, with nobody there who could mend anything. */
  WorkflowStub startUnattended(String name, String json) {
    WorkflowStub workflow =
        stub(name, options().setMemo(Map.of(MultiagentFinetuning.UNATTENDED, true)));
    workflow.start(raw(json));
    return workflow;
  }

  WorkflowStub stub(String name) {
    return stub(name, options());
  }

  private static WorkflowOptions.Builder options() {
    return WorkflowOptions.newBuilder()
        .setTaskQueue(Activities.ORCHESTRATION)
        // A workflow that hangs instead of failing fails its test by this.
        .setWorkflowExecutionTimeout(Duration.ofDays(30));
  }

  private WorkflowStub stub(String name, WorkflowOptions.Builder options) {
    return environment
        .getWorkflowClient()
        .newUntypedWorkflowStub("MultiagentFinetuning", options.setWorkflowId(name).build());
  }

  /** Starts a comparison with what somebody typed. */
  WorkflowStub startComparison(String name, String json) {
    WorkflowStub workflow = stub("MethodComparison", name);
    workflow.start(raw(json));
    return workflow;
  }

  /** Another workflow than an experiment. */
  WorkflowStub stub(String type, String id) {
    return environment
        .getWorkflowClient()
        .newUntypedWorkflowStub(
            type,
            WorkflowOptions.newBuilder()
                .setWorkflowId(id)
                .setTaskQueue(Activities.ORCHESTRATION)
                .build());
  }

  WorkflowStub existing(String id) {
    return environment.getWorkflowClient().newUntypedWorkflowStub(id);
  }

  /**
   * Waits until an experiment or an iteration is that far; meanwhile, time passes for it too.
   *
   * @return how far it is then
   */
  Progress await(String id, Predicate<Progress> moment) {
    Progress last = null;
    for (long end = System.nanoTime() + PATIENCE.toNanos(); System.nanoTime() < end; ) {
      try {
        last = existing(id).query("progress", Progress.class);
        if (moment.test(last)) {
          return last;
        }
      } catch (WorkflowNotFoundException e) {
        // Its parent has not started it yet.
      }
      pass(Duration.ofSeconds(1));
    }
    throw new AssertionError(id + " never came so far, it is at " + last);
  }

  /** Waits until there is such an event in a workflow's history. */
  void awaitEvent(String workflow, EventType type) {
    for (long end = System.nanoTime() + PATIENCE.toNanos(); System.nanoTime() < end; ) {
      if (history(workflow).getEvents().stream().anyMatch(event -> event.getEventType() == type)) {
        return;
      }
      pass(Duration.ofMillis(100));
    }
    throw new AssertionError("no " + type + " in the history of " + workflow);
  }

  /** Lets time pass. */
  void pass(Duration time) {
    environment.sleep(time);
  }

  WorkflowExecutionHistory history(String id) {
    return environment.getWorkflowClient().fetchHistory(id);
  }

  static RawValue raw(String json) {
    return new RawValue(
        Payload.newBuilder()
            .putMetadata("encoding", ByteString.copyFromUtf8("json/plain"))
            .setData(ByteString.copyFromUtf8(json))
            .build());
  }

  @Override
  public void close() {
    environment.close();
  }
}
