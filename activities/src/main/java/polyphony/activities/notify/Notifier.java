package polyphony.activities.notify;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Notice;

/** Sends notices to a webhook as JSON, once each: whoever calls it tries again. */
public final class Notifier {
  /** Tells nobody. */
  public static final Notifier NONE =
      new Notifier(Optional.empty(), experiment -> Optional.empty());

  private static final Duration CONNECT = Duration.ofSeconds(3);
  private static final Duration ANSWER = Duration.ofSeconds(5);
  private static final JsonMapper JSON = new JsonMapper();

  private final Optional<Webhook> webhook;
  private final Function<String, Optional<String>> links;
  private final Duration patience;
  private final HttpClient client;

  /**
   * What is sent.
   *
   * @param link to the experiment in Temporal's Web UI; left out where none is known
   * @param text the same in a line, under the name that chat programs read
   */
  private record Body(
      String event,
      String experiment,
      String phase,
      Integer iteration,
      Integer iterations,
      Double accuracy,
      Double standardError,
      String message,
      @JsonInclude(JsonInclude.Include.NON_NULL) String link,
      String text) {
    static Body of(Notice notice, String link) {
      return new Body(
          notice.event(),
          notice.experiment(),
          notice.phase(),
          notice.iteration(),
          notice.iterations(),
          notice.accuracy(),
          notice.standardError(),
          notice.message(),
          link,
          text(notice, link));
    }

    private static String text(Notice notice, String link) {
      String what =
          switch (notice.event()) {
            case "failed" -> " failed";
            case "needs-attention" -> " needs attention";
            case "done" -> " is done";
            default -> " was " + notice.event();
          };
      String line = "Polyphony: " + notice.experiment() + what + ": " + notice.message();
      // These three are markup to chat programs, which a message must not bring along.
      String escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
      return link == null ? escaped : escaped + " " + link;
    }
  }

  /**
   * @param webhook absent: nothing is ever sent
   * @param links where an experiment can be looked at
   */
  public Notifier(Optional<Webhook> webhook, Function<String, Optional<String>> links) {
    this(webhook, links, ANSWER);
  }

  Notifier(Optional<Webhook> webhook, Function<String, Optional<String>> links, Duration patience) {
    this.webhook = webhook;
    this.links = links;
    this.patience = patience;
    this.client =
        webhook.isEmpty()
            ? null
            : HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
  }

  /** Whether there is anybody to be told. */
  public boolean listens() {
    return webhook.isPresent();
  }

  /**
   * Sends it, if there is a webhook.
   *
   * @throws PolyphonyException INFRASTRUCTURE where the receiver does not answer, or may take it
   *     later; CONFIG where it refuses. No message shows more of the address than the host.
   */
  public void send(Notice notice) throws InterruptedException {
    if (webhook.isEmpty()) {
      return;
    }
    Webhook to = webhook.get();
    HttpRequest request =
        HttpRequest.newBuilder(to.address())
            .timeout(patience)
            .header("Content-Type", "application/json")
            .header("User-Agent", "polyphony")
            .header("Idempotency-Key", notice.key())
            .POST(HttpRequest.BodyPublishers.ofByteArray(body(notice)))
            .build();
    CompletableFuture<HttpResponse<Void>> answer =
        client.sendAsync(request, HttpResponse.BodyHandlers.discarding());
    int status;
    try {
      // The request's own limit ends with the answer's first line.
      status = answer.get(2 * patience.toMillis(), TimeUnit.MILLISECONDS).statusCode();
    } catch (ExecutionException | TimeoutException e) {
      answer.cancel(true);
      Throwable why = e instanceof ExecutionException ? e.getCause() : e;
      // Neither the exception nor its message is passed on: they may show the address.
      throw PolyphonyException.infrastructure(
          to + " does not answer (" + why.getClass().getSimpleName() + ")", null);
    }
    if (status / 100 == 5 || status == 408 || status == 429) {
      throw PolyphonyException.infrastructure(to + " answered " + status, null);
    } else if (status / 100 != 2) {
      throw PolyphonyException.config(
          to + " refused a notice with " + status + ": check POLYPHONY_WEBHOOK");
    }
  }

  private byte[] body(Notice notice) {
    try {
      return JSON.writeValueAsBytes(Body.of(notice, links.apply(notice.experiment()).orElse(null)));
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "a notice cannot be written as JSON", e);
    }
  }
}
