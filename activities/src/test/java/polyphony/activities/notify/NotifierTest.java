package polyphony.activities.notify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Notice;

@Timeout(60)
class NotifierTest {
  private static final String SECRET = "hush-hush";
  private static final Notice DONE =
      new Notice(
          "run-1/done",
          "done",
          "mine",
          "done",
          3,
          3,
          0.872,
          0.015,
          "iteration 3: accuracy 0.872 ± 0.015, consensus 0.884");

  /** What has arrived, and how it is answered. */
  private interface Receiver {
    void answer(HttpExchange exchange) throws IOException;
  }

  private record Arrived(String method, String path, String key, String type, String body) {}

  private final List<Arrived> arrived = new CopyOnWriteArrayList<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private HttpServer server;
  private Receiver receiver = exchange -> exchange.sendResponseHeaders(204, -1);

  @BeforeEach
  void aReceiver() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          arrived.add(
              new Arrived(
                  exchange.getRequestMethod(),
                  exchange.getRequestURI().toString(),
                  exchange.getRequestHeaders().getFirst("Idempotency-Key"),
                  exchange.getRequestHeaders().getFirst("Content-Type"),
                  new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
          receiver.answer(exchange);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void close() {
    over.countDown();
    server.stop(0);
  }

  private Notifier notifier(int port, Optional<String> link) {
    Webhook webhook =
        Webhook.of(
            "http://127.0.0.1:" + port + "/" + SECRET + "?token=" + SECRET, "POLYPHONY_WEBHOOK");
    return new Notifier(Optional.of(webhook), experiment -> link, Duration.ofSeconds(1));
  }

  private Notifier notifier() {
    return notifier(server.getAddress().getPort(), Optional.empty());
  }

  private JsonNode body() throws IOException {
    assertThat(arrived).hasSize(1);
    return new ObjectMapper().readTree(arrived.get(0).body());
  }

  /** How sending fails; nowhere with more of the address than its host. */
  private static PolyphonyException failure(Notifier notifier) {
    PolyphonyException failure =
        catchThrowableOfType(PolyphonyException.class, () -> notifier.send(DONE));
    assertThat(failure).isNotNull().hasMessageContaining("the webhook at 127.0.0.1").hasNoCause();
    assertThat(failure.getMessage()).doesNotContain(SECRET);
    return failure;
  }

  @Test
  void aNoticeIsOneJsonObjectUnderItsKey() throws Exception {
    notifier(server.getAddress().getPort(), Optional.of("http://ui/mine")).send(DONE);
    assertThat(body())
        .isEqualTo(
            new ObjectMapper()
                .readTree(
                    """
                    {"event": "done", "experiment": "mine", "phase": "done", "iteration": 3,
                     "iterations": 3, "accuracy": 0.872, "standardError": 0.015,
                     "message": "iteration 3: accuracy 0.872 ± 0.015, consensus 0.884",
                     "link": "http://ui/mine",
                     "text": "Polyphony: mine is done: iteration 3: accuracy 0.872 ± 0.015, consensus 0.884 http://ui/mine"}
                    """));
    assertThat(arrived.get(0).method()).isEqualTo("POST");
    assertThat(arrived.get(0).path()).isEqualTo("/" + SECRET + "?token=" + SECRET);
    assertThat(arrived.get(0).key()).isEqualTo("run-1/done");
    assertThat(arrived.get(0).type()).isEqualTo("application/json");
  }

  @Test
  void whatIsNotKnownIsNullAndTheTextHoldsNoMarkup() throws Exception {
    notifier()
        .send(
            new Notice(
                "run-1/needs-attention-1",
                "needs-attention",
                "mine",
                "NEEDS_ATTENTION",
                null,
                null,
                null,
                null,
                "vote: <!channel> & more"));
    assertThat(body().path("accuracy").isNull()).isTrue();
    assertThat(body().has("link")).isFalse();
    assertThat(body().path("message").asText()).isEqualTo("vote: <!channel> & more");
    assertThat(body().path("text").asText())
        .isEqualTo("Polyphony: mine needs attention: vote: &lt;!channel&gt; &amp; more");
  }

  @Test
  void withoutAWebhookNothingIsSent() throws Exception {
    assertThat(Notifier.NONE.listens()).isFalse();
    Notifier.NONE.send(DONE);
    assertThat(arrived).isEmpty();
  }

  @Test
  void aReceiverInTroubleMayBeTriedAgain() {
    for (int status : new int[] {500, 503, 429, 408}) {
      receiver = exchange -> exchange.sendResponseHeaders(status, -1);
      assertThat(failure(notifier()).errorClass())
          .as("status " + status)
          .isEqualTo(ErrorClass.INFRASTRUCTURE);
    }
  }

  @Test
  void aReceiverThatRefusesIsNotTriedAgain() {
    for (int status : new int[] {400, 401, 404}) {
      receiver = exchange -> exchange.sendResponseHeaders(status, -1);
      PolyphonyException refused = failure(notifier());
      assertThat(refused.errorClass()).isEqualTo(ErrorClass.CONFIG);
      assertThat(refused).hasMessageContaining(status + ": check POLYPHONY_WEBHOOK");
    }
  }

  @Test
  void noticesFollowNoRedirect() {
    receiver =
        exchange -> {
          exchange.getResponseHeaders().add("Location", "/elsewhere");
          exchange.sendResponseHeaders(307, -1);
        };
    assertThat(failure(notifier()).errorClass()).isEqualTo(ErrorClass.CONFIG);
    assertThat(arrived).hasSize(1);
  }

  @Test
  void aReceiverThatIsNotThereIsSaidToBeSo() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    PolyphonyException gone = failure(notifier(port, Optional.empty()));
    assertThat(gone.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(gone).hasMessageContaining("does not answer (ConnectException)");
  }

  @Test
  void aReceiverThatHangsIsGivenUp() {
    receiver = exchange -> hang();
    assertThat(failure(notifier())).hasMessageContaining("does not answer (HttpTimeoutException)");
  }

  @Test
  void soIsOneThatNeverEndsItsAnswer() {
    receiver =
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write('a');
          exchange.getResponseBody().flush();
          hang();
        };
    assertThat(failure(notifier())).hasMessageContaining("does not answer (TimeoutException)");
  }

  private void hang() {
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
