package polyphony.workers;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import polyphony.activities.report.ReportIndex;
import polyphony.activities.report.ReportStep;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Shows the reports of a store to browsers, each as things are now: {@code /} lists them, {@code
 * /NAME} is one. It only reads.
 */
final class ReportServer implements AutoCloseable {
  private static final int THREADS = 4;
  private static final String HTML = "text/html; charset=utf-8";
  private static final String TEXT = "text/plain; charset=utf-8";

  private final ReportIndex index;
  private final ReportStep reports;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);

  /**
   * Begins to answer.
   *
   * @throws PolyphonyException CONFIG where that address cannot be had
   */
  ReportServer(ReportIndex index, ReportStep reports, InetSocketAddress address) {
    this.index = index;
    this.reports = reports;
    try {
      server = HttpServer.create(address, 0);
    } catch (IOException e) {
      threads.shutdown();
      throw PolyphonyException.config(
          "nothing can be served at "
              + address.getHostString()
              + ":"
              + address.getPort()
              + " ("
              + e.getMessage()
              + "); name another --port or --bind");
    }
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  private record Answer(int status, String type, byte[] content) {
    static Answer text(int status, String line) {
      return new Answer(status, TEXT, (line + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      Answer answer = answerTo(exchange.getRequestMethod(), exchange.getRequestURI().getPath());
      // What a page may do, it says itself; nobody may take it for anything else than it is.
      exchange.getResponseHeaders().putAll(HEADERS);
      exchange.getResponseHeaders().set("Content-Type", answer.type());
      boolean head = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(answer.status(), head ? -1 : answer.content().length);
      if (!head) {
        exchange.getResponseBody().write(answer.content());
      }
    }
  }

  private static final Map<String, List<String>> HEADERS =
      Map.of(
          "X-Content-Type-Options", List.of("nosniff"),
          "X-Frame-Options", List.of("DENY"),
          "Referrer-Policy", List.of("no-referrer"),
          "Cache-Control", List.of("no-store"));

  private Answer answerTo(String method, String path) {
    if (!method.equals("GET") && !method.equals("HEAD")) {
      return Answer.text(405, "only GET is answered");
    }
    try {
      byte[] page = path.equals("/") ? index.html() : reports.html(path.substring(1));
      return new Answer(200, HTML, page);
    } catch (PolyphonyException e) {
      return Answer.text(e.errorClass() == ErrorClass.CONFIG ? 404 : 500, e.getMessage());
    } catch (RuntimeException e) {
      return Answer.text(500, "this is a defect: " + e.getClass().getSimpleName());
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
