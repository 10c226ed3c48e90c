package polyphony.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.minio.MakeBucketArgs;
import io.minio.MinioClient;
import io.minio.RemoveBucketArgs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The contract of the object store against a real MinIO server, in a bucket of its own: the one
 * that {@code deploy/servers} keeps in the folder {@code POLYPHONY_TEST_SERVERS}.
 */
class MinioServerIT extends ObjectStoreContract {
  private static final String BUCKET = "contract-" + UUID.randomUUID();

  private static Map<String, String> environment;
  private static MinioClient client;
  private static S3ObjectStore shared;

  @BeforeAll
  static void makeBucket() throws Exception {
    String servers = System.getenv("POLYPHONY_TEST_SERVERS");
    assertThat(servers)
        .as("POLYPHONY_TEST_SERVERS, the folder of deploy/servers start --data FOLDER")
        .isNotBlank();
    environment =
        Files.readAllLines(Path.of(servers, "env")).stream()
            .filter(line -> line.startsWith("export "))
            .map(line -> line.substring("export ".length()).split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
    client =
        MinioClient.builder()
            .endpoint(environment.get("POLYPHONY_S3_ENDPOINT"))
            .credentials(accessKey(), secretKey())
            .build();
    client.makeBucket(MakeBucketArgs.builder().bucket(BUCKET).build());
    // Small pages, so that listing has to turn them.
    shared = new S3ObjectStore(settings(BUCKET, accessKey(), secretKey()), 7, Clock.systemUTC());
  }

  @AfterAll
  static void removeBucket() throws Exception {
    if (shared != null) {
      shared.close();
      client.removeBucket(RemoveBucketArgs.builder().bucket(BUCKET).build());
      client.close();
    }
  }

  private static String accessKey() {
    return environment.get("POLYPHONY_S3_ACCESS_KEY");
  }

  private static String secretKey() {
    return environment.get("POLYPHONY_S3_SECRET_KEY");
  }

  private static S3Settings settings(String bucket, String accessKey, String secretKey) {
    return new S3Settings(
        environment.get("POLYPHONY_S3_ENDPOINT"),
        bucket,
        S3Settings.DEFAULT_REGION,
        accessKey,
        secretKey);
  }

  @Override
  ObjectStore open() {
    return shared;
  }

  @Override
  @AfterEach
  void closeStore() {
    shared.list("").forEach(shared::delete);
  }

  @Test
  void aMissingBucketIsAConfigurationErrorThatNamesIt() {
    assertThatThrownBy(
            () -> new S3ObjectStore(settings("no-such-bucket", accessKey(), secretKey())).close())
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("no-such-bucket")
        .hasMessageContaining("create the bucket");
  }

  @Test
  void wrongCredentialsAreAConfigurationErrorAndAreNeverShown() {
    for (S3Settings wrong :
        new S3Settings[] {
          settings(BUCKET, accessKey(), "wrong-password"),
          settings(BUCKET, "wrong-user", secretKey())
        }) {
      assertThatThrownBy(() -> new S3ObjectStore(wrong).close())
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
          .hasMessageContaining("access denied")
          .hasMessageNotContainingAny(
              accessKey(), secretKey(), "wrong-password", "wrong-user", "\n");
    }
  }
}
