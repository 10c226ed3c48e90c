package polyphony.workers;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.activities.report.ReportIndex;
import polyphony.activities.report.ReportStep;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Shows the reports of a store to browsers, each as things are now: {@code /} lists them, {@code
 * /NAME} is one. It only reads.
 */
final class ReportServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReportServer.class);

  /** Most of them wait for clients, or for their turn. */
  private static final int THREADS = 16;

  /** Pages that are built at the same time: one may take a good part of the memory. */
  private static final int BUILDERS = 2;

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  static {
    // Who sends a request or takes an answer more slowly would keep a thread: in seconds, read once
    // in a process, before its first server.
    System.setProperty("sun.net.httpserver.maxReqTime", "10");
    System.setProperty("sun.net.httpserver.maxRspTime", "120");
  }

  private static final String HTML = "text/html; charset=utf-8";
  private static final String TEXT = "text/plain; charset=utf-8";

  private final ReportIndex index;
  private final ReportStep reports;
  private final HttpServer server;
  private final InetSocketAddress bound;
  private final Set<String> hosts;
  private final Duration patience;
  private final Semaphore builders = new Semaphore(BUILDERS);
  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);

  /**
   * Begins to answer.
   *
   * @param address where this machine alone reaches it, only requests by its local names are
   *     answered: any page of the web could have a name of its own lead here, and read the answer
   * @param host another name to answer to
   * @throws PolyphonyException CONFIG where that address cannot be had
   */
  ReportServer(
      ReportIndex index, ReportStep reports, InetSocketAddress address, Optional<String> host) {
    this(index, reports, address, host, PATIENCE);
  }

  /** As above, with how long a request waits until its page can be built. */
  ReportServer(
      ReportIndex index,
      ReportStep reports,
      InetSocketAddress address,
      Optional<String> host,
      Duration patience) {
    this.index = index;
    this.reports = reports;
    this.bound = address;
    this.hosts = hosts(address, host);
    this.patience = patience;
    try {
      server = HttpServer.create(address, 0);
    } catch (IOException e) {
      threads.shutdown();
      throw PolyphonyException.config(
          "nothing can be served at "
              + host(address)
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

  /** Such as {@code http://127.0.0.1:8234}. */
  String address() {
    return "http://" + host(bound) + ":" + port();
  }

  /** As it stands in an address: one of IPv6 without its zeros, and in brackets. */
  static String host(InetSocketAddress address) {
    String host = address.getHostString();
    return host.contains(":") ? "[" + host.replaceFirst("(^|:)0(:0)+(:|$)", "::") + "]" : host;
  }

  /** What may be asked for; empty: anything. */
  private static Set<String> hosts(InetSocketAddress address, Optional<String> other) {
    if (!address.getAddress().isLoopbackAddress()) {
      return Set.of();
    }
    Set<String> hosts = new TreeSet<>(List.of("localhost", "127.0.0.1", "[::1]", host(address)));
    other.map(each -> each.toLowerCase(Locale.ROOT)).ifPresent(hosts::add);
    return hosts;
  }

  private boolean isMeant(HttpExchange exchange) {
    List<String> asked = exchange.getRequestHeaders().getOrDefault("Host", List.of());
    return hosts.isEmpty()
        || (asked.size() == 1
            && hosts.contains(asked.get(0).toLowerCase(Locale.ROOT).replaceFirst(":[0-9]*$", "")));
  }

  private record Answer(int status, String type, byte[] content) {
    static Answer text(int status, String line) {
      return new Answer(status, TEXT, (line + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      Answer answer =
          isMeant(exchange)
              ? answerTo(exchange.getRequestMethod(), exchange.getRequestURI().getPath())
              : Answer.text(
                  421,
                  "only what is asked of "
                      + String.join(", ", hosts)
                      + " is answered; set reports_address to another name, or --bind");
      // What a page may do, it says itself; nobody may take it for anything else than it is.
      exchange.getResponseHeaders().putAll(HEADERS);
      exchange.getResponseHeaders().set("Content-Type", answer.type());
      if (answer.status() == 503) {
        exchange.getResponseHeaders().set("Retry-After", Long.toString(PATIENCE.toSeconds()));
      }
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
      if (!builders.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        return Answer.text(503, "busy with other pages; try again soon");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Answer.text(503, "about to end");
    }
    try {
      return new Answer(
          200, HTML, path.equals("/") ? index.html() : reports.html(path.substring(1)));
    } catch (PolyphonyException e) {
      return Answer.text(e.errorClass() == ErrorClass.CONFIG ? 404 : 500, e.getMessage());
    } catch (RuntimeException e) {
      LOG.error("a page could not be built: {}", e.toString(), e);
      return Answer.text(500, "this is a defect: " + e.getClass().getSimpleName());
    } finally {
      builders.release();
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
