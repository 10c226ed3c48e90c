package polyphony.workers;

import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.common.converter.DataConverter;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testserver.TestServer;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Activities;

/**
 * A Temporal service and a worker on its three queues: the service runs in this process, or at the
 * address that the environment names.
 */
final class Stack implements AutoCloseable {
  /** Long enough for a service at the other end of a bad line. */
  private static final Duration CONNECT = Duration.ofSeconds(10);

  private static final int LIGHT_SLOTS = 4;

  private final Optional<TestServer.InProcessTestServer> server;
  private final WorkflowServiceStubs stubs;
  private final WorkflowClient client;
  private final WorkerFactory factory;

  private Stack(
      Optional<TestServer.InProcessTestServer> server,
      WorkflowServiceStubs stubs,
      WorkflowClient client,
      WorkerFactory factory) {
    this.server = server;
    this.stubs = stubs;
    this.client = client;
    this.factory = factory;
  }

  /**
   * Starts everything.
   *
   * @throws PolyphonyException INFRASTRUCTURE where the service does not answer
   */
  static Stack start(
      Settings settings,
      DataConverter converter,
      WorkflowTypes workflows,
      StepActivities activities) {
    Optional<TestServer.InProcessTestServer> server =
        settings.temporalAddress().isPresent()
            ? Optional.empty()
            // Locked: this is a service for real time, not for tests that skip it.
            : Optional.of(TestServer.createServer(true));
    WorkflowServiceStubs stubs =
        server
            .map(each -> embedded(each))
            .orElseGet(() -> connected(settings.temporalAddress().orElseThrow()));
    WorkflowClient client =
        WorkflowClient.newInstance(
            stubs,
            WorkflowClientOptions.newBuilder()
                .setNamespace(settings.namespace())
                .setDataConverter(converter)
                .build());
    WorkerFactory factory = WorkerFactory.newInstance(client);
    Worker orchestration = factory.newWorker(Activities.ORCHESTRATION, slots(LIGHT_SLOTS));
    workflows.register(orchestration);
    orchestration.registerActivitiesImplementations(activities.light());
    factory
        .newWorker(Activities.SAMPLING, slots(settings.slots()))
        .registerActivitiesImplementations(activities.sampling());
    factory
        .newWorker(Activities.TRAINING, slots(settings.slots()))
        .registerActivitiesImplementations(activities.training());
    factory.start();
    return new Stack(server, stubs, client, factory);
  }

  /** Registers the workflows' implementations. */
  interface WorkflowTypes {
    void register(Worker worker);
  }

  private static WorkerOptions slots(int count) {
    return WorkerOptions.newBuilder().setMaxConcurrentActivityExecutionSize(count).build();
  }

  private static WorkflowServiceStubs embedded(TestServer.InProcessTestServer server) {
    return WorkflowServiceStubs.newServiceStubs(
        WorkflowServiceStubsOptions.newBuilder()
            .setChannel(server.getChannel())
            .validateAndBuildWithDefaults());
  }

  private static WorkflowServiceStubs connected(String address) {
    try {
      return WorkflowServiceStubs.newConnectedServiceStubs(
          WorkflowServiceStubsOptions.newBuilder()
              .setTarget(address)
              .validateAndBuildWithDefaults(),
          CONNECT);
    } catch (RuntimeException e) {
      throw PolyphonyException.infrastructure(
          "no Temporal service answers at "
              + address
              + "; check TEMPORAL_ADDRESS, or unset it to run in this process",
          e);
    }
  }

  WorkflowClient client() {
    return client;
  }

  /** Stops taking work and waits for what is running to commit, for at most {@code grace}. */
  void drain(Duration grace) {
    factory.shutdown();
    factory.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    factory.shutdownNow();
    factory.awaitTermination(5, TimeUnit.SECONDS);
    stubs.shutdownNow();
    server.ifPresent(TestServer.InProcessTestServer::close);
  }
}
