package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.minio.ListObjectsArgs;
import io.minio.MakeBucketArgs;
import io.minio.MinioClient;
import io.minio.RemoveBucketArgs;
import io.minio.RemoveObjectArgs;
import io.minio.Result;
import io.minio.messages.Item;
import io.temporal.api.operatorservice.v1.DeleteNamespaceRequest;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.RegisterNamespaceRequest;
import io.temporal.serviceclient.OperatorServiceStubs;
import io.temporal.serviceclient.OperatorServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * The servers that {@code deploy/servers} keeps in the folder {@code POLYPHONY_TEST_SERVERS}, with
 * a namespace and a bucket of this object's own, so that no other worker takes its tasks.
 *
 * @param environment what a process needs to use them
 * @param minio to look at what is there
 */
record TestServers(Map<String, String> environment, MinioClient minio) {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  /** Makes the namespace and the bucket. */
  static TestServers open() throws Exception {
    String folder = System.getenv("POLYPHONY_TEST_SERVERS");
    assertThat(folder)
        .as("POLYPHONY_TEST_SERVERS, the folder of deploy/servers start --data FOLDER")
        .isNotBlank();
    Map<String, String> environment =
        new HashMap<>(
            Files.readAllLines(Path.of(folder, "env")).stream()
                .filter(line -> line.startsWith("export "))
                .map(line -> line.substring("export ".length()).split("=", 2))
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1])));
    String name = "test-" + UUID.randomUUID();
    environment.put("TEMPORAL_NAMESPACE", name);
    environment.put("POLYPHONY_S3_BUCKET", name);
    TestServers servers =
        new TestServers(
            Map.copyOf(environment),
            MinioClient.builder()
                .endpoint(environment.get("POLYPHONY_S3_ENDPOINT"))
                .credentials(
                    environment.get("POLYPHONY_S3_ACCESS_KEY"),
                    environment.get("POLYPHONY_S3_SECRET_KEY"))
                .build());
    servers.makeNamespace();
    servers.minio.makeBucket(MakeBucketArgs.builder().bucket(name).build());
    return servers;
  }

  String namespace() {
    return environment.get("TEMPORAL_NAMESPACE");
  }

  /** A connection to Temporal, to look at what is there. */
  WorkflowServiceStubs temporal() {
    return WorkflowServiceStubs.newConnectedServiceStubs(
        WorkflowServiceStubsOptions.newBuilder()
            .setTarget(environment.get("TEMPORAL_ADDRESS"))
            .validateAndBuildWithDefaults(),
        LIMIT);
  }

  /** Every key of the bucket. */
  List<String> keys() throws Exception {
    List<String> keys = new ArrayList<>();
    for (Result<Item> item :
        minio.listObjects(ListObjectsArgs.builder().bucket(bucket()).recursive(true).build())) {
      keys.add(item.get().objectName());
    }
    return keys;
  }

  private void makeNamespace() throws InterruptedException {
    WorkflowServiceStubs temporal = temporal();
    try {
      temporal
          .blockingStub()
          .registerNamespace(
              RegisterNamespaceRequest.newBuilder()
                  .setNamespace(namespace())
                  .setWorkflowExecutionRetentionPeriod(Durations.fromDays(1))
                  .build());
      Instant limit = Instant.now().plus(LIMIT);
      while (!known(temporal)) {
        assertThat(Instant.now()).as("the namespace never appeared").isBefore(limit);
        Thread.sleep(100);
      }
    } finally {
      temporal.shutdownNow();
    }
  }

  private boolean known(WorkflowServiceStubs temporal) {
    try {
      temporal
          .blockingStub()
          .describeNamespace(
              DescribeNamespaceRequest.newBuilder().setNamespace(namespace()).build());
      return true;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** Removes the namespace and the bucket with all that is in them. */
  void remove() throws Exception {
    for (String key : keys()) {
      minio.removeObject(RemoveObjectArgs.builder().bucket(bucket()).object(key).build());
    }
    minio.removeBucket(RemoveBucketArgs.builder().bucket(bucket()).build());
    minio.close();
    OperatorServiceStubs operator =
        OperatorServiceStubs.newServiceStubs(
            OperatorServiceStubsOptions.newBuilder()
                .setTarget(environment.get("TEMPORAL_ADDRESS"))
                .validateAndBuildWithDefaults());
    try {
      operator
          .blockingStub()
          .deleteNamespace(DeleteNamespaceRequest.newBuilder().setNamespace(namespace()).build());
    } finally {
      operator.shutdownNow();
    }
  }

  private String bucket() {
    return environment.get("POLYPHONY_S3_BUCKET");
  }
}
