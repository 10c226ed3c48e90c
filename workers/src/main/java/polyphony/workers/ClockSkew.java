package polyphony.workers;

import com.google.protobuf.Timestamp;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.PollerInfo;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.api.workflowservice.v1.PollWorkflowTaskQueueRequest;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import polyphony.storage.S3Settings;

/**
 * How far the clock of a server is ahead of this machine's; negative where it is behind. Exact to
 * about a second, and empty where the server does not tell.
 */
final class ClockSkew {
  private static final int PATIENCE_MILLISECONDS = 10_000;

  /** Nobody has work there. */
  private static final String QUEUE = "polyphony-clock";

  /** What a poll may take on its way. */
  private static final int ARRIVAL_MILLISECONDS = 1000;

  private ClockSkew() {}

  /** By the date that an S3 endpoint puts on every answer, refusals included. */
  static Optional<Duration> of(S3Settings store) {
    try {
      HttpURLConnection connection =
          (HttpURLConnection) URI.create(store.endpoint()).toURL().openConnection();
      connection.setRequestMethod("HEAD");
      connection.setConnectTimeout(PATIENCE_MILLISECONDS);
      connection.setReadTimeout(PATIENCE_MILLISECONDS);
      long date = connection.getHeaderFieldDate("Date", 0);
      connection.disconnect();
      return date == 0
          ? Optional.empty()
          : Optional.of(Duration.between(Instant.now(), Instant.ofEpochMilli(date)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /**
   * No call asks Temporal for its time. But it notes when somebody asked for work last, so that
   * asking for some where there is none tells.
   */
  static Optional<Duration> of(TemporalAccess temporal) throws InterruptedException {
    String identity = "clock-" + Instant.now().toEpochMilli();
    TaskQueue queue = TaskQueue.newBuilder().setName(QUEUE).build();
    Instant before = Instant.now();
    Future<?> poll =
        temporal
            .stubs()
            .futureStub()
            .pollWorkflowTaskQueue(
                PollWorkflowTaskQueueRequest.newBuilder()
                    .setNamespace(temporal.namespace())
                    .setTaskQueue(queue)
                    .setIdentity(identity)
                    .build());
    try {
      // It is noted on arrival, and forgotten when it is given up.
      Thread.sleep(ARRIVAL_MILLISECONDS);
      return temporal
          .stubs()
          .blockingStub()
          .withDeadlineAfter(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS)
          .describeTaskQueue(
              DescribeTaskQueueRequest.newBuilder()
                  .setNamespace(temporal.namespace())
                  .setTaskQueue(queue)
                  .setTaskQueueType(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
                  .build())
          .getPollersList()
          .stream()
          .filter(poller -> poller.getIdentity().equals(identity))
          .findFirst()
          .map(PollerInfo::getLastAccessTime)
          .map(seen -> Duration.between(before, instant(seen)));
    } catch (StatusRuntimeException e) {
      // Whether the service answers at all is found out elsewhere.
      return Optional.empty();
    } finally {
      poll.cancel(true);
    }
  }

  private static Instant instant(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }
}
