package polyphony.activities.curves;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.storage.PolyphonyException;

/**
 * An experiment's curves as a run on an MLflow server. The run is found again by its tag: what it
 * has already is not sent twice, and where it has something else, which MLflow cannot take back, it
 * is deleted and made anew.
 */
public final class MlflowExport {
  private static final String TAG = "polyphony.experiment";

  /** Of one log-batch, as the server limits them. */
  private static final int MOST_METRICS = 1000;

  private static final int MOST_NAMES = 100;
  private static final int PAGE = 10_000;
  private static final int LONGEST_VALUE = 6000;

  private final MlflowServer server;
  private final String experiment;

  /**
   * @param experiment MLflow's name for what its runs belong to; made where it is absent
   */
  public MlflowExport(MlflowServer server, String experiment) {
    this.server = server;
    this.experiment = experiment;
  }

  /**
   * What an export came to.
   *
   * @param run MLflow's id of the run
   * @param points how many were new to it
   * @param replaced whether a run that had other ones was deleted
   */
  public record Exported(String run, int points, boolean replaced) {}

  /**
   * Makes the run have these curves, and no others of the same names.
   *
   * @throws PolyphonyException CONFIG where the server refuses, INFRASTRUCTURE where it does not
   *     answer
   */
  public Exported write(Curves curves) {
    String experimentId = experimentId();
    Optional<JsonNode> found = find(experimentId, curves.experiment());
    boolean replaced = false;
    if (found.isPresent() && contradicts(found.get(), curves)) {
      server.post("runs/delete", server.object().put("run_id", id(found.get())));
      found = Optional.empty();
      replaced = true;
    }
    String run = found.map(MlflowExport::id).orElse(null);
    if (run == null) {
      run = create(experimentId, curves);
    }
    List<ObjectNode> metrics = new ArrayList<>();
    for (Curves.Series series : curves.series()) {
      Map<Long, Double> there = found.isEmpty() ? Map.of() : history(run, key(series));
      for (Curves.Point point : series.points()) {
        if (!there.containsKey(point.step())) {
          metrics.add(metric(key(series), point));
        }
      }
    }
    log(run, "params", named(missingParameters(found, curves)), MOST_NAMES);
    log(run, "tags", named(curves.tags()), MOST_NAMES);
    log(run, "metrics", metrics, MOST_METRICS);
    end(run, curves);
    return new Exported(run, metrics.size(), replaced);
  }

  private String experimentId() {
    JsonNode found =
        server
            .get("experiments/get-by-name", Map.of("experiment_name", experiment))
            .path("experiment");
    if (found.path("lifecycle_stage").asText().equals("deleted")) {
      throw PolyphonyException.config(
          "the experiment "
              + experiment
              + " was deleted in MLflow: restore it there, or name another one with"
              + " --mlflow-experiment");
    }
    return found.isMissingNode()
        ? server
            .post("experiments/create", server.object().put("name", experiment))
            .path("experiment_id")
            .asText()
        : found.path("experiment_id").asText();
  }

  private Optional<JsonNode> find(String experimentId, String name) {
    ObjectNode search = server.object();
    search.putArray("experiment_ids").add(experimentId);
    // Names of experiments hold no quotes.
    search.put("filter", "tags.`" + TAG + "` = '" + name + "'");
    search.put("max_results", 1);
    JsonNode runs = server.post("runs/search", search).path("runs");
    return runs.isEmpty() ? Optional.empty() : Optional.of(runs.get(0));
  }

  private static String id(JsonNode run) {
    return run.path("info").path("run_id").asText();
  }

  private boolean contradicts(JsonNode run, Curves curves) {
    for (JsonNode parameter : run.path("data").path("params")) {
      String ours = curves.parameters().get(parameter.path("key").asText());
      if (ours != null && !shortened(ours).equals(parameter.path("value").asText())) {
        return true;
      }
    }
    for (Curves.Series series : curves.series()) {
      Map<Long, Double> ours = new HashMap<>();
      series.points().forEach(point -> ours.put(point.step(), point.value()));
      for (Map.Entry<Long, Double> there : history(id(run), key(series)).entrySet()) {
        if (!there.getValue().equals(ours.get(there.getKey()))) {
          return true;
        }
      }
    }
    return false;
  }

  /** Values by step; NaN where a step has several. */
  private Map<Long, Double> history(String run, String key) {
    Map<Long, Double> values = new TreeMap<>();
    Map<String, String> parameters = new TreeMap<>();
    parameters.put("run_id", run);
    parameters.put("metric_key", key);
    parameters.put("max_results", Integer.toString(PAGE));
    String next;
    do {
      JsonNode page = server.get("metrics/get-history", parameters);
      for (JsonNode metric : page.path("metrics")) {
        values.merge(
            metric.path("step").asLong(),
            metric.path("value").asDouble(),
            (one, other) -> one.equals(other) ? one : Double.valueOf(Double.NaN));
      }
      next = page.path("next_page_token").asText();
      parameters.put("page_token", next);
    } while (!next.isEmpty());
    return values;
  }

  private String create(String experimentId, Curves curves) {
    ObjectNode run = server.object();
    run.put("experiment_id", experimentId);
    run.put("run_name", curves.experiment());
    run.put("start_time", times(curves).get(0).toEpochMilli());
    ArrayNode tags = run.putArray("tags");
    tags.addObject().put("key", TAG).put("value", curves.experiment());
    return id(server.post("runs/create", run).path("run"));
  }

  private void end(String run, Curves curves) {
    ObjectNode update = server.object();
    update.put("run_id", run);
    update.put("status", curves.finished() ? "FINISHED" : "RUNNING");
    if (curves.finished()) {
      List<Instant> times = times(curves);
      update.put("end_time", times.get(times.size() - 1).toEpochMilli());
    }
    server.post("runs/update", update);
  }

  private static List<Instant> times(Curves curves) {
    return curves.series().stream()
        .flatMap(series -> series.points().stream())
        .map(Curves.Point::time)
        .sorted()
        .toList();
  }

  /** MLflow knows one axis per name. */
  private static String key(Curves.Series series) {
    return series.part().isEmpty() ? series.measure() : series.part() + "/" + series.measure();
  }

  private ObjectNode metric(String key, Curves.Point point) {
    return server
        .object()
        .put("key", key)
        .put("value", point.value())
        .put("timestamp", point.time().toEpochMilli())
        .put("step", point.step());
  }

  private static Map<String, String> missingParameters(Optional<JsonNode> run, Curves curves) {
    Map<String, String> missing = new TreeMap<>(curves.parameters());
    run.ifPresent(
        each ->
            each.path("data")
                .path("params")
                .forEach(parameter -> missing.remove(parameter.path("key").asText())));
    return missing;
  }

  private List<ObjectNode> named(Map<String, String> values) {
    return values.entrySet().stream()
        .map(
            each ->
                server.object().put("key", each.getKey()).put("value", shortened(each.getValue())))
        .toList();
  }

  private static String shortened(String value) {
    return value.substring(0, Math.min(LONGEST_VALUE, value.length()));
  }

  private void log(String run, String kind, List<ObjectNode> entries, int most) {
    for (int from = 0; from < entries.size(); from += most) {
      ObjectNode batch = server.object().put("run_id", run);
      batch.putArray(kind).addAll(entries.subList(from, Math.min(from + most, entries.size())));
      server.post("runs/log-batch", batch);
    }
  }
}
