package polyphony.storage;

import io.minio.BucketExistsArgs;
import io.minio.GetObjectArgs;
import io.minio.ListObjectsArgs;
import io.minio.MakeBucketArgs;
import io.minio.MinioClient;
import io.minio.PutObjectArgs;
import io.minio.RemoveObjectArgs;
import io.minio.Result;
import io.minio.StatObjectArgs;
import io.minio.UploadObjectArgs;
import io.minio.errors.ErrorResponseException;
import io.minio.errors.MinioException;
import io.minio.errors.ServerException;
import io.minio.messages.Item;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Objects in a bucket of MinIO or any other S3 endpoint that honours {@code If-None-Match: *}. */
public final class S3ObjectStore implements ObjectStore {
  private static final Logger LOG = LoggerFactory.getLogger(S3ObjectStore.class);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
  // Between two packets, not for a whole object.
  private static final Duration TRANSFER_TIMEOUT = Duration.ofSeconds(60);
  private static final long PART_BYTES = 64L << 20;
  private static final int LARGEST_PAGE = 1000;

  /** S3 refuses what was signed more than 15 minutes off its own clock. */
  private static final Duration TOLERATED_SKEW = Duration.ofMinutes(10);

  private static final int CONFLICT_ATTEMPTS = 5;

  private final S3Settings settings;
  private final MinioClient client;
  private final int pageSize;
  private final Clock clock;

  /**
   * Connects, and finds out now whether the bucket is there, may be written, and refuses a second
   * conditional write.
   *
   * @throws MissingBucketException where there is no such bucket (yet)
   */
  public S3ObjectStore(S3Settings settings) {
    this(settings, LARGEST_PAGE, Clock.systemUTC());
  }

  S3ObjectStore(S3Settings settings, int pageSize, Clock clock) {
    this(settings, pageSize, clock, client(settings));
    try {
      probe();
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private S3ObjectStore(S3Settings settings, int pageSize, Clock clock, MinioClient client) {
    this.settings = settings;
    this.pageSize = pageSize;
    this.clock = clock;
    this.client = client;
  }

  private static MinioClient client(S3Settings settings) {
    MinioClient client =
        MinioClient.builder()
            .endpoint(settings.endpoint())
            .region(settings.region())
            .credentials(settings.accessKey(), settings.secretKey())
            .build();
    client.disableVirtualStyleEndpoint();
    client.setTimeout(
        CONNECT_TIMEOUT.toMillis(), TRANSFER_TIMEOUT.toMillis(), TRANSFER_TIMEOUT.toMillis());
    return client;
  }

  /**
   * Makes the bucket where it is not there.
   *
   * @return whether it was made now
   * @throws PolyphonyException as the constructor
   */
  public static boolean createBucket(S3Settings settings) {
    S3ObjectStore store =
        new S3ObjectStore(settings, LARGEST_PAGE, Clock.systemUTC(), client(settings));
    try {
      return store.createBucket();
    } finally {
      store.close();
    }
  }

  private boolean createBucket() {
    try {
      if (bucketExists()) {
        return false;
      }
      answer(
          () -> {
            client.makeBucket(MakeBucketArgs.builder().bucket(settings.bucket()).build());
            return null;
          });
      return true;
    } catch (MinioException e) {
      // Somebody else was faster.
      if (code(e).equals("BucketAlreadyOwnedByYou")) {
        return false;
      }
      throw failure("make it", e);
    }
  }

  private boolean bucketExists() throws MinioException {
    return answer(
        () -> client.bucketExists(BucketExistsArgs.builder().bucket(settings.bucket()).build()));
  }

  @Override
  public Optional<Long> size(String key) {
    ObjectKey.checked(key);
    try {
      return Optional.of(
          answer(
              () ->
                  client
                      .statObject(
                          StatObjectArgs.builder().bucket(settings.bucket()).object(key).build())
                      .size()));
    } catch (MinioException e) {
      if (code(e).equals("NoSuchKey")) {
        return Optional.empty();
      }
      throw failure("look at " + key, e);
    }
  }

  @Override
  public InputStream read(String key) {
    ObjectKey.checked(key);
    try {
      return answer(
          () ->
              client.getObject(
                  GetObjectArgs.builder().bucket(settings.bucket()).object(key).build()));
    } catch (MinioException e) {
      if (code(e).equals("NoSuchKey")) {
        throw new MissingObjectException(key, toString());
      }
      throw failure("read " + key, e);
    }
  }

  @Override
  public void write(String key, Path file) {
    ObjectKey.checked(key);
    if (!Files.isReadable(file)) {
      throw PolyphonyException.infrastructure("cannot read the file " + file, null);
    }
    try {
      answer(
          () ->
              client.uploadObject(
                  UploadObjectArgs.builder()
                      .bucket(settings.bucket())
                      .object(key)
                      .filename(file.toString(), PART_BYTES)
                      .build()));
    } catch (MinioException e) {
      throw failure("write " + key, e);
    }
  }

  @Override
  public void write(String key, byte[] content) {
    ObjectKey.checked(key);
    try {
      put(key, content, Map.of());
    } catch (MinioException e) {
      throw failure("write " + key, e);
    }
  }

  @Override
  public boolean writeIfAbsent(String key, byte[] content) {
    ObjectKey.checked(key);
    for (int attempt = 1; ; attempt++) {
      try {
        put(key, content, Map.of("If-None-Match", "*"));
        return true;
      } catch (MinioException e) {
        switch (code(e)) {
          case "PreconditionFailed" -> {
            return holds(key, content);
          }
          // Two conditional writes at once: S3 lets one through and wants the other to ask again.
          case "ConditionalRequestConflict", "OperationAborted" -> {
            if (attempt == CONFLICT_ATTEMPTS) {
              throw failure("write " + key, e);
            }
          }
          default -> throw failure("write " + key, e);
        }
      }
    }
  }

  @Override
  public List<Listed> listing(String prefix) {
    ObjectKey.checkedPrefix(prefix);
    try {
      return answer(
          () -> {
            List<Listed> objects = new ArrayList<>();
            for (Result<Item> item :
                client.listObjects(
                    ListObjectsArgs.builder()
                        .bucket(settings.bucket())
                        .prefix(prefix)
                        .recursive(true)
                        .maxKeys(pageSize)
                        .build())) {
              Item object = item.get();
              objects.add(
                  new Listed(
                      object.objectName(), object.size(), object.lastModified().toInstant()));
            }
            objects.sort(Comparator.comparing(Listed::key));
            return List.copyOf(objects);
          });
    } catch (MinioException e) {
      throw failure("list " + prefix, e);
    }
  }

  @Override
  public void delete(String key) {
    ObjectKey.checked(key);
    try {
      client.removeObject(RemoveObjectArgs.builder().bucket(settings.bucket()).object(key).build());
    } catch (MinioException e) {
      if (!code(e).equals("NoSuchKey")) {
        throw failure("delete " + key, e);
      }
    }
  }

  @Override
  public void close() {
    try {
      client.close();
    } catch (Exception e) {
      LOG.warn("closing the connection to {} failed: {}", this, e.getClass().getSimpleName());
    }
  }

  @Override
  public String toString() {
    return settings.toString();
  }

  private void put(String key, byte[] content, Map<String, String> headers) throws MinioException {
    answer(
        () ->
            client.putObject(
                PutObjectArgs.builder()
                    .bucket(settings.bucket())
                    .object(key)
                    .data(content, content.length)
                    .extraHeaders(headers)
                    .build()));
  }

  private interface Request<T> {
    T send() throws MinioException;
  }

  /** The client reports broken connections as IllegalStateException: here they are one kind. */
  private static <T> T answer(Request<T> request) throws MinioException {
    try {
      return request.send();
    } catch (IllegalStateException e) {
      throw new MinioException(e);
    }
  }

  private boolean holds(String key, byte[] content) {
    if (!size(key).equals(Optional.of((long) content.length))) {
      return false;
    }
    try {
      return Arrays.equals(bytes(key, content.length), content);
    } catch (MissingObjectException e) {
      return false;
    }
  }

  private void probe() {
    try {
      if (!bucketExists()) {
        throw missingBucket();
      }
    } catch (MinioException e) {
      throw failure("open it", e);
    }
    String key = "probe/" + UUID.randomUUID();
    try {
      boolean first = writeIfAbsent(key, "first".getBytes(StandardCharsets.US_ASCII));
      boolean second = writeIfAbsent(key, "second".getBytes(StandardCharsets.US_ASCII));
      if (!first || second) {
        throw PolyphonyException.config(
            this
                + " does not honour If-None-Match: *, so that two writers could both win: use"
                + " another S3 endpoint, such as MinIO, or a newer version of this one");
      }
    } finally {
      delete(key);
    }
  }

  private PolyphonyException missingBucket() {
    return new MissingBucketException(
        this
            + " does not exist: create the bucket (polyphony bootstrap does), or correct its name");
  }

  private static String code(MinioException e) {
    return e instanceof ErrorResponseException response ? response.errorResponse().code() : "";
  }

  /**
   * @param date when the endpoint answered, by its own clock; null where it does not say
   */
  private PolyphonyException denied(String start, String code, Date date) {
    Duration ahead =
        date == null ? Duration.ZERO : Duration.between(date.toInstant(), clock.instant());
    if (ahead.abs().compareTo(TOLERATED_SKEW) > 0) {
      return PolyphonyException.infrastructure(
          start
              + "access denied ("
              + code
              + "), since this machine's clock is "
              + ahead.abs().toSeconds()
              + " s "
              + (ahead.isNegative() ? "behind" : "ahead of")
              + " the endpoint's; set both by NTP",
          null);
    }
    return PolyphonyException.config(
        start
            + "access denied ("
            + code
            + "); check the access key, the secret key and what they may do");
  }

  /**
   * Says what failed without what the client's own exceptions show: their text holds the headers of
   * the request. So they are no cause either; an I/O error below them is.
   */
  private PolyphonyException failure(String action, MinioException e) {
    String start = this + ": cannot " + action + ": ";
    if (e instanceof ErrorResponseException response) {
      String code = response.errorResponse().code();
      return switch (code) {
        case "NoSuchBucket" -> missingBucket();
        case "AccessDenied",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "Forbidden",
            "RequestTimeTooSkewed" ->
            denied(start, code, response.response().headers().getDate("Date"));
        case "PermanentRedirect", "AuthorizationHeaderMalformed", "BadRequest" ->
            PolyphonyException.config(
                start + "refused (" + code + "); check that the bucket is in the region given");
        case "XMinioStorageFull", "QuotaExceeded", "EntityTooLarge" ->
            PolyphonyException.infrastructure(
                start + "no room (" + code + "); make room there and run again", null);
        default ->
            PolyphonyException.infrastructure(
                start + "the endpoint answered " + code + "; look into its log and run again",
                null);
      };
    }
    if (e instanceof ServerException server) {
      return PolyphonyException.infrastructure(
          start
              + "the endpoint answered with HTTP status "
              + server.statusCode()
              + "; look into its log and run again",
          null);
    }
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof IOException io) {
        String reason =
            io instanceof UnknownHostException
                ? "there is no such host"
                : io instanceof ConnectException
                    ? "nothing answers there"
                    : io instanceof SocketTimeoutException
                        ? "it did not answer in time"
                        : io instanceof SSLException
                            ? "the TLS connection failed (" + io.getMessage() + ")"
                            : "the connection broke (" + io.getMessage() + ")";
        return PolyphonyException.infrastructure(
            start + reason + "; check the endpoint and the network, and run again", io);
      }
    }
    return PolyphonyException.infrastructure(
        start
            + "the answer is not that of an S3 endpoint ("
            + e.getClass().getSimpleName()
            + "); check the endpoint",
        null);
  }
}
