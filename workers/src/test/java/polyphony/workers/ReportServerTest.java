package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import polyphony.activities.report.ReportIndex;
import polyphony.activities.report.ReportStep;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;

class ReportServerTest {
  @TempDir private Path folder;
  private FolderObjectStore store;
  private LocalCache cache;
  private ReportServer server;

  @BeforeEach
  void serve() {
    store = new FolderObjectStore(folder.resolve("store"));
    cache = new LocalCache(folder.resolve("cache"), 1 << 20);
    store.write(
        "experiments/mine/experiment.json",
        Sealed.seal(CanonicalJson.bytes(Reports.result().experiment())));
    server = server(0);
  }

  private ReportServer server(int port) {
    return new ReportServer(
        new ReportIndex(store),
        new ReportStep(store, new Artifacts(store, cache)),
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
        Optional.of("Reports.example"));
  }

  /** Another one in its place, which waits for nobody and whose store does this first. */
  private void serve(String bind, Runnable first) {
    server.close();
    ObjectStore hindered =
        (ObjectStore)
            Proxy.newProxyInstance(
                ObjectStore.class.getClassLoader(),
                new Class<?>[] {ObjectStore.class},
                (proxy, method, arguments) -> {
                  first.run();
                  try {
                    return method.invoke(store, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    server =
        new ReportServer(
            new ReportIndex(hindered),
            new ReportStep(hindered, new Artifacts(hindered, cache)),
            new InetSocketAddress(bind, 0),
            Optional.empty(),
            Duration.ZERO);
  }

  @AfterEach
  void close() {
    server.close();
    cache.close();
    store.close();
  }

  private HttpResponse<String> answer(String method, String path)
      throws IOException, InterruptedException {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
                .method(method, BodyPublishers.noBody())
                .build(),
            BodyHandlers.ofString());
  }

  @Test
  void experimentsAreListedAndShownAndTheStoreIsNotChanged() throws Exception {
    assertThat(answer("GET", "/").body())
        .contains("<a href=\"mine\">mine</a>", "nothing finished yet");

    HttpResponse<String> page = answer("GET", "/mine");
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.body()).contains("<title>", "Content-Security-Policy");
    assertThat(page.headers().firstValue("Content-Type")).contains("text/html; charset=utf-8");
    assertThat(page.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
    assertThat(store.list("")).containsExactly("experiments/mine/experiment.json");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/yours", "/..%2F..%2Fetc%2Fpasswd", "/mine/experiment.json", "/%3Cb%3E"})
  void whatThereIsNotIsNotFound(String path) throws Exception {
    HttpResponse<String> answer = answer("GET", path);
    assertThat(answer.statusCode()).isEqualTo(404);
    assertThat(answer.headers().firstValue("Content-Type")).contains("text/plain; charset=utf-8");
  }

  @Test
  void whatIsDamagedIsNoFailureOfTheList() throws Exception {
    store.write("experiments/broken/experiment.json", new byte[] {1, 2, 3});
    assertThat(answer("GET", "/").body()).contains("href=\"mine\"", "is damaged");
  }

  @Test
  void nothingCanBeSentToIt() throws Exception {
    assertThat(answer("POST", "/mine").statusCode()).isEqualTo(405);
    assertThat(answer("HEAD", "/mine").body()).isEmpty();
  }

  /** The status line that a request with these headers is answered with. */
  private String status(String... headers) throws IOException {
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      client
          .getOutputStream()
          .write(
              ("GET /mine HTTP/1.0\r\n" + String.join("\r\n", headers) + "\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      return new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .findFirst()
          .orElseThrow();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"localhost", "LocalHost:8234", "127.0.0.1:1", "[::1]:8234", "reports.example"})
  void itsOwnNamesAreAnswered(String host) throws Exception {
    assertThat(status("Host: " + host)).contains(" 200 ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "evil.example",
        "evil.example:8234",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8234",
        "evil.example:localhost",
        "[::2]:8234"
      })
  void aNameThatSomebodyLedHereIsNot(String host) throws Exception {
    assertThat(status("Host: " + host)).contains(" 421 ");
  }

  @Test
  void oneNameMustBeAskedForUnlessOthersAreLetInAnyway() throws Exception {
    assertThat(status("Accept: */*")).contains(" 421 ");
    assertThat(status("Host: localhost", "Host: evil.example")).contains(" 421 ");
    serve("0.0.0.0", () -> {});
    assertThat(status("Host: machine.example:8234")).contains(" 200 ");
  }

  @ParameterizedTest
  @CsvSource({
    "::1, [::1]",
    "::, [::]",
    "fe80::1:2, [fe80::1:2]",
    "127.0.0.1, 127.0.0.1",
    "localhost, localhost"
  })
  void anAddressOfTheSixthVersionStandsInBrackets(String bind, String shown) {
    assertThat(ReportServer.host(new InetSocketAddress(bind, 0))).isEqualTo(shown);
  }

  @Test
  void itSaysWhereItIs() {
    assertThat(server.address()).isEqualTo("http://localhost:" + server.port());
  }

  @Test
  void onlyTwoPagesAreBuiltAtATime() throws Exception {
    Semaphore begun = new Semaphore(0);
    CountDownLatch goOn = new CountDownLatch(1);
    serve(
        "127.0.0.1",
        () -> {
          begun.release();
          try {
            goOn.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    ExecutorService browsers = Executors.newFixedThreadPool(2);
    try {
      Future<HttpResponse<String>> one = browsers.submit(() -> answer("GET", "/mine"));
      Future<HttpResponse<String>> two = browsers.submit(() -> answer("GET", "/"));
      assertThat(begun.tryAcquire(2, 30, TimeUnit.SECONDS)).isTrue();
      HttpResponse<String> third = answer("GET", "/");
      assertThat(third.statusCode()).isEqualTo(503);
      assertThat(third.headers().firstValue("Retry-After")).contains("5");
      goOn.countDown();
      assertThat(one.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
      assertThat(two.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
      assertThat(answer("GET", "/").statusCode()).isEqualTo(200);
    } finally {
      goOn.countDown();
      browsers.shutdownNow();
    }
  }

  @Test
  void clientsThatStallAreGivenUp() {
    assertThat(System.getProperty("sun.net.httpserver.maxReqTime")).isEqualTo("10");
    assertThat(System.getProperty("sun.net.httpserver.maxRspTime")).isEqualTo("120");
  }

  @Test
  void aDefectIsLogged() throws Exception {
    serve(
        "127.0.0.1",
        () -> {
          throw new IllegalStateException("broken");
        });
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    logged.start();
    Logger logger = (Logger) LoggerFactory.getLogger(ReportServer.class);
    logger.addAppender(logged);
    // Commands that other tests ran may have turned all of it off.
    logger.setLevel(Level.ERROR);
    try {
      assertThat(answer("GET", "/").statusCode()).isEqualTo(500);
      assertThat(logged.list)
          .singleElement()
          .satisfies(
              event -> assertThat(event.getThrowableProxy().getMessage()).isEqualTo("broken"));
    } finally {
      logger.detachAppender(logged);
      logger.setLevel(null);
    }
  }

  @Test
  void aPortThatIsTakenIsRefused() {
    assertThatThrownBy(() -> server(server.port()))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("name another --port");
  }
}
