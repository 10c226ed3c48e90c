package polyphony.workers;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.OperatorServiceStubs;
import io.temporal.serviceclient.OperatorServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testserver.TestServer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.PolyphonyDataConverter;

/** A connection to a Temporal service: to one in this process, or to the one that is named. */
final class TemporalAccess implements AutoCloseable {
  static final String DEFAULT_NAMESPACE = "default";

  /** How long a service that is being started is waited for. */
  static final Duration CONNECT = Duration.ofSeconds(10);

  /** Long enough for a service at the other end of a bad line. */
  private static final Duration ANSWER = Duration.ofSeconds(10);

  private final Optional<TestServer.InProcessTestServer> server;
  private final WorkflowServiceStubsOptions options;
  private final WorkflowServiceStubs stubs;
  private final WorkflowClient client;
  private final String name;
  private final String namespace;

  private TemporalAccess(
      Optional<TestServer.InProcessTestServer> server,
      WorkflowServiceStubsOptions options,
      String name,
      String namespace,
      String identity) {
    this.server = server;
    this.options = options;
    this.name = name;
    this.namespace = namespace;
    this.stubs = WorkflowServiceStubs.newServiceStubs(options);
    this.client =
        WorkflowClient.newInstance(
            stubs,
            WorkflowClientOptions.newBuilder()
                .setNamespace(namespace)
                .setIdentity(identity)
                .setDataConverter(PolyphonyDataConverter.create())
                .build());
  }

  /**
   * Connects to the service that the settings name; without one, starts one in this process, which
   * ends with it.
   *
   * @param identity what the service calls this process
   * @throws PolyphonyException as {@link #connect}
   */
  static TemporalAccess open(Settings settings, String identity) throws InterruptedException {
    return settings.temporal().isPresent()
        ? connect(settings.temporal().get(), identity)
        : inProcess(identity);
  }

  /** Starts a service in this process, which ends with it. */
  static TemporalAccess inProcess(String identity) {
    // Locked: this is a service for real time, not for tests that skip it.
    TestServer.InProcessTestServer server = TestServer.createServer(true);
    return new TemporalAccess(
        Optional.of(server),
        WorkflowServiceStubsOptions.newBuilder()
            .setChannel(server.getChannel())
            .validateAndBuildWithDefaults(),
        "Temporal in this process",
        DEFAULT_NAMESPACE,
        identity);
  }

  /**
   * Connects to a service, which may take {@link #CONNECT} to come up.
   *
   * @throws PolyphonyException INFRASTRUCTURE where nothing answers, CONFIG where it refuses this
   *     client, as {@link MissingNamespaceException} where there is no such namespace
   */
  static TemporalAccess connect(TemporalSettings settings, String identity)
      throws InterruptedException {
    return Patience.brief(CONNECT).until(() -> connectAtOnce(settings, identity)).orElseThrow();
  }

  /** As {@link #connect}, without waiting for anything. */
  static TemporalAccess connectAtOnce(TemporalSettings settings, String identity) {
    TemporalAccess access = unchecked(settings, identity);
    try {
      access.probe();
      return access;
    } catch (RuntimeException | Error e) {
      access.close();
      throw e;
    }
  }

  /** A connection of which nobody knows yet whether it works. */
  static TemporalAccess unchecked(TemporalSettings settings, String identity) {
    return new TemporalAccess(
        Optional.empty(), settings.service(), settings.toString(), settings.namespace(), identity);
  }

  WorkflowClient client() {
    return client;
  }

  WorkflowServiceStubs stubs() {
    return stubs;
  }

  String namespace() {
    return namespace;
  }

  /** The administrative half of the service; to be shut down by the caller. */
  OperatorServiceStubs operator() {
    OperatorServiceStubsOptions.Builder builder = OperatorServiceStubsOptions.newBuilder();
    if (server.isPresent()) {
      return OperatorServiceStubs.newServiceStubs(
          builder.setChannel(stubs.getRawChannel()).validateAndBuildWithDefaults());
    }
    builder
        .setTarget(options.getTarget())
        .setEnableHttps(options.getEnableHttps())
        .setSslContext(options.getSslContext())
        .setChannelInitializer(options.getChannelInitializer())
        .setHeaders(options.getHeaders())
        .setGrpcMetadataProviders(options.getGrpcMetadataProviders());
    return OperatorServiceStubs.newServiceStubs(builder.validateAndBuildWithDefaults());
  }

  /**
   * Finds out whether the service answers and knows the namespace.
   *
   * @throws PolyphonyException as {@link #connect}
   */
  void probe() {
    try {
      stubs
          .blockingStub()
          .withDeadlineAfter(ANSWER.toMillis(), TimeUnit.MILLISECONDS)
          .describeNamespace(DescribeNamespaceRequest.newBuilder().setNamespace(namespace).build());
    } catch (StatusRuntimeException e) {
      throw failure(e);
    }
  }

  /**
   * Whether no other process has asked for activities on these queues in the last minutes; false
   * where the service does not tell.
   */
  boolean isAlone(List<String> queues) {
    try {
      return queues.stream()
          .map(
              queue ->
                  stubs
                      .blockingStub()
                      .withDeadlineAfter(ANSWER.toMillis(), TimeUnit.MILLISECONDS)
                      .describeTaskQueue(
                          DescribeTaskQueueRequest.newBuilder()
                              .setNamespace(namespace)
                              .setTaskQueue(TaskQueue.newBuilder().setName(queue))
                              .setTaskQueueType(TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
                              .build()))
          .flatMap(answer -> answer.getPollersList().stream())
          .allMatch(poller -> poller.getIdentity().equals(client.getOptions().getIdentity()));
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  /** What a failed call means for the person who gave the command. */
  PolyphonyException failure(StatusRuntimeException e) {
    Status status = e.getStatus();
    return switch (status.getCode()) {
      case NOT_FOUND ->
          new MissingNamespaceException(
              this
                  + " has no namespace "
                  + namespace
                  + ": make it with polyphony bootstrap, or correct TEMPORAL_NAMESPACE");
      case UNAUTHENTICATED, PERMISSION_DENIED ->
          PolyphonyException.config(
              this
                  + " refuses this client ("
                  + reason(status)
                  + "); check TEMPORAL_API_KEY, the certificates that TEMPORAL_TLS_… name, and what"
                  + " they may do in the namespace "
                  + namespace);
      default ->
          PolyphonyException.infrastructure(
              this
                  + " does not answer ("
                  + reason(status)
                  + "); check that it runs and that TEMPORAL_ADDRESS is right",
              e);
    };
  }

  /** The innermost reason: what gRPC itself says of a refused connection is "io exception". */
  static String reason(Status status) {
    String reason = status.getDescription();
    for (Throwable cause = status.getCause(); cause != null; cause = cause.getCause()) {
      if (cause.getMessage() != null) {
        reason = cause.getMessage();
      }
    }
    return reason == null || status.getCode() == Status.Code.DEADLINE_EXCEEDED
        ? status.getCode().name().toLowerCase(Locale.ROOT).replace('_', ' ')
        : reason.lines().findFirst().orElse("").replace("finishConnect(..) failed: ", "").strip();
  }

  @Override
  public void close() {
    stubs.shutdownNow();
    server.ifPresent(TestServer.InProcessTestServer::close);
  }

  @Override
  public String toString() {
    return name;
  }
}
