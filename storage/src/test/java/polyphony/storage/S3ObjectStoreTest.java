package polyphony.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.TransientNio2BlobStore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class S3ObjectStoreTest extends ObjectStoreContract {
  private static final String ACCESS = "AKIDmusician";
  private static final String SECRET = "correct-horse-battery";

  private static TransientNio2BlobStore memory;
  private static S3Proxy server;
  private static String endpoint;
  private static S3ObjectStore shared;

  @BeforeAll
  static void startServer() throws Exception {
    memory = new TransientNio2BlobStore();
    server =
        S3Proxy.builder()
            .blobStore(memory)
            .endpoint(URI.create("http://127.0.0.1:0"))
            .awsAuthentication(AuthenticationType.AWS_V4, ACCESS, SECRET)
            .ignoreUnknownHeaders(true)
            .build();
    server.start();
    endpoint = "http://127.0.0.1:" + server.getPort();
    memory.createContainer("music");
    // Small pages, so that listing has to turn them.
    shared = new S3ObjectStore(settings("music"), 7, Clock.systemUTC());
  }

  @AfterAll
  static void stopServer() throws Exception {
    shared.close();
    server.stop();
    memory.close();
  }

  private static S3Settings settings(String bucket) {
    return new S3Settings(endpoint, bucket, S3Settings.DEFAULT_REGION, ACCESS, SECRET);
  }

  // Opening one takes a while (it reads the system's certificates), so that all tests share it.
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
    assertThatThrownBy(() -> new S3ObjectStore(settings("no-such-bucket")).close())
        .isInstanceOfSatisfying(
            MissingBucketException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("no-such-bucket")
        .hasMessageContaining("create the bucket");
  }

  @Test
  void aBucketIsMadeOnce() {
    assertThat(S3ObjectStore.createBucket(settings("made-here"))).isTrue();
    assertThat(S3ObjectStore.createBucket(settings("made-here"))).isFalse();
    try (S3ObjectStore made = new S3ObjectStore(settings("made-here"))) {
      assertThat(made.list("")).isEmpty();
    }
  }

  @Test
  void wrongCredentialsAreAConfigurationErrorAndAreNeverShown() {
    memory.createContainer("locked");
    for (S3Settings wrong :
        new S3Settings[] {
          new S3Settings(endpoint, "locked", "us-east-1", ACCESS, "wrong-password"),
          new S3Settings(endpoint, "locked", "us-east-1", "wrong-user", SECRET)
        }) {
      assertThatThrownBy(() -> new S3ObjectStore(wrong).close())
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> {
                assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG);
                StringWriter trace = new StringWriter();
                e.printStackTrace(new PrintWriter(trace));
                assertThat(trace.toString())
                    .doesNotContain(ACCESS, SECRET, "wrong-password", "wrong-user", "Signature=");
              })
          .hasMessageContaining("access denied")
          .hasMessageNotContaining("\n");
    }
  }

  @Test
  void settingsAndStoreDoNotShowCredentials() {
    assertThat(settings("music").toString()).doesNotContain(ACCESS, SECRET).contains("music");
    assertThat(store.toString()).doesNotContain(ACCESS, SECRET).contains(endpoint);
  }

  @Test
  void anEndpointWhereNothingAnswersIsAnInfrastructureError() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    S3Settings nowhere =
        new S3Settings("http://127.0.0.1:" + port, "music", "us-east-1", ACCESS, SECRET);
    assertThatThrownBy(() -> new S3ObjectStore(nowhere).close())
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
        .hasMessageContaining("nothing answers there");
  }

  @Test
  void anEndpointThatIgnoresConditionalWritesIsRefused() throws Exception {
    AtomicInteger puts = new AtomicInteger();
    HttpServer lax =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    lax.createContext(
        "/",
        exchange -> {
          exchange.getRequestBody().readAllBytes();
          if (exchange.getRequestMethod().equals("PUT")) {
            puts.incrementAndGet();
            exchange.getResponseHeaders().set("ETag", "\"0\"");
          }
          exchange.sendResponseHeaders(
              exchange.getRequestMethod().equals("DELETE") ? 204 : 200, -1);
          exchange.close();
        });
    lax.start();
    try {
      S3Settings settings =
          new S3Settings(
              "http://127.0.0.1:" + lax.getAddress().getPort(),
              "music",
              "us-east-1",
              ACCESS,
              SECRET);
      assertThatThrownBy(() -> new S3ObjectStore(settings).close())
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
          .hasMessageContaining("If-None-Match");
      assertThat(puts).hasValue(2);
    } finally {
      lax.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-3600 behind", "3600 ahead of"})
  void aClockThatIsFarOffIsNamedAsWhatAccessIsDeniedFor(String skew) throws Exception {
    String[] parts = skew.split(" ", 2);
    Clock clock = Clock.offset(Clock.systemUTC(), Duration.ofSeconds(Long.parseLong(parts[0])));
    HttpServer strict =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    strict.createContext(
        "/",
        exchange -> {
          // As MinIO answers a HEAD whose signature is too old: without a body that says so.
          exchange.sendResponseHeaders(403, -1);
          exchange.close();
        });
    strict.start();
    try {
      S3Settings settings =
          new S3Settings(
              "http://127.0.0.1:" + strict.getAddress().getPort(),
              "music",
              "us-east-1",
              ACCESS,
              SECRET);
      assertThatThrownBy(() -> new S3ObjectStore(settings, 7, clock).close())
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
          .message()
          .matches(".*since this machine's clock is 3(600|599|601) s " + parts[1] + " the.*");
    } finally {
      strict.stop(0);
    }
  }

  @Test
  void anEndpointThatIsNoS3IsRefusedInOneLine() throws Exception {
    HttpServer web =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    web.createContext(
        "/",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "text/html");
          exchange.sendResponseHeaders(418, -1);
          exchange.close();
        });
    web.start();
    try {
      S3Settings settings =
          new S3Settings(
              "http://127.0.0.1:" + web.getAddress().getPort(),
              "music",
              "us-east-1",
              ACCESS,
              SECRET);
      assertThatThrownBy(() -> new S3ObjectStore(settings).close())
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("HTTP status 418")
          .hasMessageNotContaining("\n");
    } finally {
      web.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://user:password@host:9000",
        "host:9000",
        "ftp://host",
        "http://host/path",
        "http://host?x=password",
        "http:// host",
        ""
      })
  void anEndpointOfAnotherFormIsRefusedWithoutShowingIt(String form) {
    assertThatThrownBy(() -> new S3Settings(form, "music", "us-east-1", ACCESS, SECRET))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageNotContaining("password");
  }

  @Test
  void memoisedStepsWorkOverIt() throws Exception {
    try (LocalCache cache = new LocalCache(folder.resolve("cache"), 1 << 20)) {
      Artifacts artifacts = new Artifacts(store, cache);
      Steps steps = new Steps(store, artifacts, Worker.here("cpu", Map.of()), new AdvancingClock());
      Step step = new Step("vote", 1, Map.of("question", "what?"));
      StepBody<ArtifactRef> body =
          attempt -> {
            attempt.commit(1);
            return java.util.Optional.of(
                attempt.put(new byte[] {1, 2, 3}, "text/plain", "three.txt"));
          };
      StepOutcome<ArtifactRef> first = steps.run(step, ArtifactRef.class, body);
      StepOutcome<ArtifactRef> second = steps.run(step, ArtifactRef.class, body);
      assertThat(first.reused()).isFalse();
      assertThat(second.reused()).isTrue();
      assertThat(second.result()).isEqualTo(first.result());
      assertThat(artifacts.file(second.result().orElseThrow()))
          .hasBinaryContent(new byte[] {1, 2, 3});
      assertThat(store.list("")).hasSize(2);
    }
  }
}
