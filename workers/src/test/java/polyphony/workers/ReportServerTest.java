package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.report.ReportIndex;
import polyphony.activities.report.ReportStep;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
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
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
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

  @Test
  void aPortThatIsTakenIsRefused() {
    assertThatThrownBy(() -> server(server.port()))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("name another --port");
  }
}
