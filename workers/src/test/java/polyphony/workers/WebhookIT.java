package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real runs in this process, and who is told of their end. */
class WebhookIT {
  private static final String SECRET = "hush-hush";

  @TempDir private Path folder;
  private final List<JsonNode> told = new CopyOnWriteArrayList<>();
  private final List<String> keys = new CopyOnWriteArrayList<>();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private volatile int status = 200;
  private HttpServer receiver;

  @BeforeEach
  void aReceiver() throws IOException {
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext(
        "/" + SECRET,
        exchange -> {
          told.add(new ObjectMapper().readTree(exchange.getRequestBody()));
          keys.add(exchange.getRequestHeaders().getFirst("Idempotency-Key"));
          exchange.sendResponseHeaders(status, -1);
          exchange.close();
        });
    receiver.start();
  }

  @AfterEach
  void close() {
    receiver.stop(0);
  }

  private int run(String... arguments) {
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(
                "POLYPHONY_WEBHOOK",
                "http://127.0.0.1:" + receiver.getAddress().getPort() + "/" + SECRET),
            false,
            100);
    return Polyphony.execute(
        console,
        Assembly::of,
        Stream.concat(
                Stream.of(arguments),
                Stream.of(
                    "--method",
                    "base",
                    "--evaluate-questions",
                    "2",
                    "--experiment",
                    "mine",
                    "--verbose",
                    "--store",
                    store().toString()))
            .toArray(String[]::new));
  }

  private Path store() {
    return folder.resolve("store");
  }

  /** Neither in what a person sees nor in what is kept, histories included. */
  private void assertThatTheSecretIsNowhere() throws IOException {
    assertThat(out.toString(StandardCharsets.UTF_8)).doesNotContain(SECRET);
    assertThat(err.toString(StandardCharsets.UTF_8)).doesNotContain(SECRET);
    try (Stream<Path> files = Files.walk(store())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .as(file.toString())
            .doesNotContain(SECRET);
      }
    }
  }

  private boolean historiesHold(String part) throws IOException {
    try (Stream<Path> files = Files.walk(store().resolve("objects"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        if (content.contains("\"events\"") && content.contains(part)) {
          return true;
        }
      }
      return false;
    }
  }

  @Test
  void theEndOfARunIsTold() throws IOException {
    assertThat(run("run")).as(err.toString(StandardCharsets.UTF_8)).isZero();
    assertThat(told).hasSize(1);
    assertThat(told.get(0).path("event").asText()).isEqualTo("done");
    assertThat(told.get(0).path("experiment").asText()).isEqualTo("mine");
    assertThat(told.get(0).path("accuracy").isNumber()).isTrue();
    assertThat(told.get(0).path("text").asText())
        .startsWith("Polyphony: mine is done: iteration 0: accuracy ");
    assertThat(told.get(0).has("link")).as("there is no service to link to").isFalse();
    assertThat(keys.get(0)).matches("[0-9a-f-]{36}/done");
    assertThatTheSecretIsNowhere();
  }

  @Test
  void aReceiverInTroubleCostsSecondsAndNothingElse() throws IOException {
    status = 500;
    assertThat(run("run")).as(err.toString(StandardCharsets.UTF_8)).isZero();
    assertThat(told).as("attempts").hasSize(3);
    assertThat(keys).as("all of the same notice").containsOnly(keys.get(0));
    assertThat(historiesHold("the webhook at 127.0.0.1 answered 500")).isTrue();
    assertThatTheSecretIsNowhere();
  }
}
