package polyphony.activities.curves;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** As much of an MLflow tracking server as an export needs, with its limits. */
final class FakeMlflow implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String BASE = "/api/2.0/mlflow/";
  private static final Pattern FILTER = Pattern.compile("tags\\.`([^`]+)` = '([^']*)'");
  private static final int LARGEST_PAGE = 1000;

  /** Paths that were asked for, in order. */
  final List<String> calls = new CopyOnWriteArrayList<>();

  final Map<String, Run> runs = new TreeMap<>();
  volatile boolean failing;
  volatile boolean experimentDeleted;
  volatile String authorization;
  private String experiment;
  private int created;
  private final HttpServer server;

  record Metric(String key, long step, double value, long timestamp) {}

  static final class Run {
    String experiment;
    String name;
    String status;
    long start;
    long end;
    final Map<String, String> params = new TreeMap<>();
    final Map<String, String> tags = new TreeMap<>();
    final List<Metric> metrics = new ArrayList<>();
  }

  /** How a request fails. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String code;

    Refused(int status, String code, String message) {
      super(message);
      this.status = status;
      this.code = code;
    }
  }

  FakeMlflow() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext("/", this::answer);
    server.start();
  }

  String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/";
  }

  Run only() {
    assertThat(runs).hasSize(1);
    return runs.values().iterator().next();
  }

  private void answer(HttpExchange exchange) throws IOException {
    int status = 200;
    ObjectNode answer = JSON.createObjectNode();
    try {
      String path = exchange.getRequestURI().getPath();
      assertThat(path).startsWith(BASE);
      String call = path.substring(BASE.length());
      calls.add(call);
      if (authorization != null
          && !authorization.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        throw new Refused(401, "", "");
      }
      if (failing) {
        throw new Refused(500, "INTERNAL_ERROR", "broken");
      }
      byte[] body = exchange.getRequestBody().readAllBytes();
      answer =
          exchange.getRequestMethod().equals("GET")
              ? get(call, query(exchange.getRequestURI().getRawQuery()))
              : post(call, JSON.readTree(body));
    } catch (Refused e) {
      status = e.status;
      if (!e.code.isEmpty()) {
        answer.put("error_code", e.code).put("message", e.getMessage());
      }
    }
    byte[] bytes = JSON.writeValueAsBytes(answer);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private static Map<String, String> query(String query) {
    Map<String, String> parameters = new TreeMap<>();
    for (String each : query.split("&", -1)) {
      String[] both = each.split("=", 2);
      parameters.put(both[0], URLDecoder.decode(both[1], StandardCharsets.UTF_8));
    }
    return parameters;
  }

  private ObjectNode get(String call, Map<String, String> query) {
    ObjectNode answer = JSON.createObjectNode();
    switch (call) {
      case "experiments/get-by-name" -> {
        if (!query.get("experiment_name").equals(experiment)) {
          throw new Refused(404, "RESOURCE_DOES_NOT_EXIST", "no such experiment");
        }
        answer
            .putObject("experiment")
            .put("experiment_id", "7")
            .put("lifecycle_stage", experimentDeleted ? "deleted" : "active");
      }
      case "metrics/get-history" -> {
        List<Metric> all =
            run(query.get("run_id")).metrics.stream()
                .filter(each -> each.key().equals(query.get("metric_key")))
                .toList();
        int from = Integer.parseInt("0" + query.getOrDefault("page_token", ""));
        int to =
            Math.min(
                all.size(),
                from + Math.min(LARGEST_PAGE, Integer.parseInt(query.get("max_results"))));
        ArrayNode metrics = answer.putArray("metrics");
        all.subList(from, to)
            .forEach(
                each ->
                    metrics
                        .addObject()
                        .put("key", each.key())
                        .put("value", each.value())
                        .put("timestamp", each.timestamp())
                        // As protobuf writes 64-bit numbers.
                        .put("step", Long.toString(each.step())));
        if (to < all.size()) {
          answer.put("next_page_token", Integer.toString(to));
        }
      }
      default -> throw new Refused(404, "ENDPOINT_NOT_FOUND", call);
    }
    return answer;
  }

  private ObjectNode post(String call, JsonNode body) {
    ObjectNode answer = JSON.createObjectNode();
    switch (call) {
      case "experiments/create" -> {
        experiment = body.path("name").asText();
        answer.put("experiment_id", "7");
      }
      case "runs/search" -> {
        Matcher filter = FILTER.matcher(body.path("filter").asText());
        assertThat(filter.matches()).isTrue();
        ArrayNode found = answer.putArray("runs");
        runs.forEach(
            (id, run) -> {
              if (filter.group(2).equals(run.tags.get(filter.group(1)))) {
                ObjectNode each = found.addObject();
                each.putObject("info").put("run_id", id);
                ArrayNode params = each.putObject("data").putArray("params");
                run.params.forEach(
                    (key, value) -> params.addObject().put("key", key).put("value", value));
              }
            });
      }
      case "runs/create" -> {
        assertThat(body.path("experiment_id").asText()).isEqualTo("7");
        created++;
        Run run = new Run();
        run.experiment = experiment;
        run.name = body.path("run_name").asText();
        run.start = body.path("start_time").asLong();
        named(body.path("tags"), run.tags);
        runs.put("run-" + created, run);
        answer.putObject("run").putObject("info").put("run_id", "run-" + created);
      }
      case "runs/log-batch" -> {
        Run run = run(body.path("run_id").asText());
        assertThat(body.path("metrics").size()).isLessThanOrEqualTo(1000);
        assertThat(body.path("params").size()).isLessThanOrEqualTo(100);
        for (JsonNode param : body.path("params")) {
          String before = run.params.get(param.path("key").asText());
          if (before != null && !before.equals(param.path("value").asText())) {
            throw new Refused(400, "INVALID_PARAMETER_VALUE", "parameters never change");
          }
        }
        named(body.path("params"), run.params);
        named(body.path("tags"), run.tags);
        for (JsonNode metric : body.path("metrics")) {
          run.metrics.add(
              new Metric(
                  metric.path("key").asText(),
                  metric.path("step").asLong(),
                  metric.path("value").asDouble(),
                  metric.path("timestamp").asLong()));
        }
      }
      case "runs/update" -> {
        Run run = run(body.path("run_id").asText());
        run.status = body.path("status").asText();
        run.end = body.path("end_time").asLong();
      }
      case "runs/delete" -> {
        run(body.path("run_id").asText());
        runs.remove(body.path("run_id").asText());
      }
      default -> throw new Refused(404, "ENDPOINT_NOT_FOUND", call);
    }
    return answer;
  }

  private Run run(String id) {
    Run run = runs.get(id);
    if (run == null) {
      throw new Refused(404, "RESOURCE_DOES_NOT_EXIST", "no such run");
    }
    return run;
  }

  private static void named(JsonNode entries, Map<String, String> into) {
    entries.forEach(each -> into.put(each.path("key").asText(), each.path("value").asText()));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
