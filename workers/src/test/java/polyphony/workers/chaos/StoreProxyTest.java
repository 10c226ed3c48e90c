package polyphony.workers.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StoreProxyTest {
  private static final String STEP = "0123456789abcdef".repeat(4);
  private static final String COMMIT = "/bucket/progress/" + STEP + "/00000003.json";

  private final Map<String, byte[]> objects = new ConcurrentHashMap<>();
  private final StoreJournal journal = new StoreJournal();
  private final List<StoreWrite> asked = new ArrayList<>();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private StoreProxy.Answer answer = StoreProxy.Answer.PASS;
  private HttpServer store;
  private StoreProxy proxy;

  @BeforeEach
  void open() throws IOException {
    store = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    store.createContext(
        "/",
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          if (exchange.getRequestMethod().equals("PUT")) {
            boolean taken =
                objects.putIfAbsent(path, exchange.getRequestBody().readAllBytes()) == null;
            exchange.sendResponseHeaders(taken ? 200 : 412, -1);
          } else {
            byte[] content = objects.get(path);
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content);
          }
          exchange.close();
        });
    store.start();
    proxy =
        new StoreProxy(
            "worker-1",
            store.getAddress(),
            new StoreProxy.Gate() {
              @Override
              public StoreProxy.Answer before(StoreWrite write) {
                asked.add(write);
                return answer;
              }

              @Override
              public void taken(StoreJournal.Entry entry) {
                journal.add(entry);
              }
            });
  }

  @AfterEach
  void close() throws IOException {
    proxy.close();
    store.stop(0);
  }

  private int put(String path, String content) throws Exception {
    return client
        .send(
            HttpRequest.newBuilder(URI.create(proxy.endpoint() + path))
                .header("If-None-Match", "*")
                .PUT(HttpRequest.BodyPublishers.ofString(content))
                .build(),
            HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }

  @Test
  void whatIsWrittenAndReadPassesUnchanged() throws Exception {
    String content = "content\r\n\r\n".repeat(50_000);
    assertThat(put("/bucket/objects/x", content)).isEqualTo(200);
    assertThat(
            client
                .send(
                    HttpRequest.newBuilder(URI.create(proxy.endpoint() + "/bucket/objects/x"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString(StandardCharsets.US_ASCII))
                .body())
        .isEqualTo(content);
    // An object is no step's write.
    assertThat(asked).containsOnlyNulls().hasSize(1);
    assertThat(journal.entries()).isEmpty();
  }

  @Test
  void onlyWhatTheStoreTookIsInTheJournal() throws Exception {
    assertThat(put(COMMIT, "first")).isEqualTo(200);
    assertThat(put(COMMIT, "second")).isEqualTo(412);
    assertThat(put("/bucket/claims/" + STEP + "/00000000.json", "mine")).isEqualTo(200);
    assertThat(put("/bucket/steps/" + STEP + ".json", "done")).isEqualTo(200);
    assertThat(journal.entries())
        .extracting(StoreJournal.Entry::object)
        .containsExactly(
            "progress/" + STEP + "/00000003.json",
            "claims/" + STEP + "/00000000.json",
            "steps/" + STEP + ".json");
    assertThat(journal.entries()).extracting(StoreJournal.Entry::worker).containsOnly("worker-1");
    assertThat(journal.commits(STEP)).isEqualTo(1);
    assertThat(journal.inProgress("worker-1")).isEmpty();
  }

  @Test
  void aFullStoreTakesNothing() throws Exception {
    answer = StoreProxy.Answer.REFUSE;
    assertThat(put(COMMIT, "first")).isEqualTo(507);
    answer = StoreProxy.Answer.DROP;
    assertThatThrownBy(() -> put(COMMIT, "first")).isInstanceOf(IOException.class);
    assertThat(objects).isEmpty();
    assertThat(journal.entries()).isEmpty();
    answer = StoreProxy.Answer.PASS;
    assertThat(put(COMMIT, "first")).isEqualTo(200);
  }

  @Test
  void nothingAnswersWhereItIsUnplugged() throws Exception {
    assertThat(put(COMMIT, "first")).isEqualTo(200);
    proxy.unplug();
    assertThatThrownBy(() -> put(COMMIT, "first")).isInstanceOf(IOException.class);
    proxy.plug();
    assertThat(put("/bucket/steps/" + STEP + ".json", "done")).isEqualTo(200);
  }
}
