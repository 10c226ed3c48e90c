package polyphony.workflows;

import com.google.protobuf.ByteString;
import io.temporal.api.common.v1.Payload;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.common.converter.RawValue;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import java.time.Duration;

/** An in-process Temporal service with one worker on every queue. */
final class TestService implements AutoCloseable {
  private final TestWorkflowEnvironment environment;

  TestService(FakeSteps steps) {
    environment =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setDataConverter(PolyphonyDataConverter.create())
                        .setIdentity("test")
                        .build())
                .build());
    Worker orchestration = environment.newWorker(Activities.ORCHESTRATION);
    orchestration.registerWorkflowImplementationTypes(
        PolyphonyDataConverter.implementationOptions(),
        MultiagentFinetuningImpl.class,
        FinetuningIterationImpl.class);
    // Every worker registers one kind of step, so that a step on a wrong queue is noticed.
    orchestration.registerActivitiesImplementations(only(Activities.Light.class, steps));
    environment
        .newWorker(Activities.SAMPLING)
        .registerActivitiesImplementations(only(Activities.Sampling.class, steps));
    environment
        .newWorker(Activities.TRAINING)
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

  WorkflowStub stub(String name) {
    return environment
        .getWorkflowClient()
        .newUntypedWorkflowStub(
            "MultiagentFinetuning",
            WorkflowOptions.newBuilder()
                .setWorkflowId(name)
                .setTaskQueue(Activities.ORCHESTRATION)
                // A workflow that hangs instead of failing fails its test by this.
                .setWorkflowExecutionTimeout(Duration.ofDays(30))
                .build());
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
