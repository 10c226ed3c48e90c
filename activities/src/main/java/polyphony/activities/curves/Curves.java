package polyphony.activities.curves;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import polyphony.activities.JsonLines;
import polyphony.activities.audit.HistoryArchive;
import polyphony.activities.compare.RecordedExperiment;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.lm.Trainer;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.storage.StepManifest;
import polyphony.storage.Steps;
import polyphony.workflows.Experiment;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;

/**
 * An experiment's curves, as far as it is finished. Reading them again, when it has gone on, gives
 * the same points and more.
 *
 * @param experiment its name
 * @param finished whether nothing more is to come, as far as the store knows: it has as many
 *     iterations as were asked for when the newest was done, or a run of it ended since, by itself
 *     or by somebody's will; one that was begun again after that counts as finished until its next
 *     iteration is recorded
 * @param parameters the spec's fields by path, such as {@code training.epochs}, but for the number
 *     of iterations, the one that may change
 * @param tags names and hashes of what led to the newest point
 * @param series in a fixed order
 */
public record Curves(
    String experiment,
    boolean finished,
    SortedMap<String, String> parameters,
    SortedMap<String, String> tags,
    List<Series> series) {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int MAX_MANIFEST = 1 << 24;

  public Curves {
    series = List.copyOf(series);
  }

  /**
   * One curve.
   *
   * @param part what its steps count: empty for iterations; {@code iteration-001} for optimizer
   *     steps of that iteration's trainings
   * @param measure such as {@code accuracy} or {@code generator-1/loss}
   */
  public record Series(String part, String measure, List<Point> points) {
    public Series {
      points = List.copyOf(points);
    }
  }

  /**
   * @param time when the iteration that it belongs to was recorded; the epoch where the store does
   *     not tell
   * @param value finite
   */
  public record Point(long step, Instant time, double value) {}

  /**
   * Reads what a store holds of an experiment.
   *
   * @throws PolyphonyException CONFIG where the store has no such experiment, DATA where what it
   *     has cannot be read
   */
  public static Curves read(ObjectStore store, Artifacts artifacts, String name) {
    RecordedExperiment recorded = RecordedExperiment.read(store, artifacts, name);
    Map<String, List<Point>> iterations = new LinkedHashMap<>();
    List<Series> trainings = new ArrayList<>();
    for (RecordedExperiment.Iteration each : recorded.iterations()) {
      IterationRecord record = each.record();
      Instant time = time(store, record.request());
      measures(record)
          .forEach(
              (measure, value) -> {
                if (value != null && Double.isFinite(value)) {
                  iterations
                      .computeIfAbsent(measure, absent -> new ArrayList<>())
                      .add(new Point(record.report().iteration(), time, value));
                }
              });
      for (Recording.Training training : record.request().trainings()) {
        trainings.add(losses(record.report().iteration(), training, time, artifacts));
      }
    }
    List<Series> series = new ArrayList<>();
    iterations.forEach((measure, points) -> series.add(new Series("", measure, points)));
    series.addAll(trainings);
    Experiment experiment = recorded.experiment();
    IterationRecord newest = recorded.iterations().get(recorded.iterations().size() - 1).record();
    return new Curves(
        experiment.name(),
        finished(store, artifacts, newest),
        parameters(experiment),
        tags(experiment, newest),
        series);
  }

  private static boolean finished(ObjectStore store, Artifacts artifacts, IterationRecord newest) {
    // The experiment's own record tells what was asked for first; extending does not change it.
    Experiment asked = newest.request().experiment();
    return newest.report().iteration() >= asked.spec().iterations()
        || new HistoryArchive(store, artifacts)
            .ended(asked.name())
            .filter(end -> end.isAfter(time(store, newest.request())))
            .isPresent();
  }

  /** All that an iteration's report measures, and its agents; null where it does not apply. */
  private static Map<String, Double> measures(IterationRecord record) {
    IterationReport report = record.report();
    Map<String, Double> measures = new LinkedHashMap<>();
    measures.put("accuracy", report.accuracy());
    measures.put("standardError", report.standardError());
    measures.put("consensus", report.consensus());
    measures.put("likelihood", report.likelihood());
    measures.put("embeddingDissimilarity", report.embeddingDissimilarity());
    measures.put("klBetweenAgents", report.klBetweenAgents());
    measures.put("klToBase", report.klToBase());
    measures.put("generatorKlBetweenAgents", report.generatorKlBetweenAgents());
    measures.put("generatorKlToBase", report.generatorKlToBase());
    measures.put("firstRoundAccuracy", report.firstRoundAccuracy());
    measures.put("labelPrecision", report.labelPrecision());
    measures.put("labelled", report.labelled() == null ? null : (double) report.labelled());
    measures.put("undecided", (double) report.undecided());
    for (IterationRecord.Agent agent : record.agents()) {
      String prefix = "agent-" + (agent.agent() + 1) + "/";
      measures.put(prefix + "firstRoundAccuracy", agent.firstRoundAccuracy());
      measures.put(prefix + "lastRoundAccuracy", agent.lastRoundAccuracy());
      measures.put(prefix + "parsed", agent.parsed());
    }
    examples(measures, Role.GENERATOR, report.generatorExamples());
    examples(measures, Role.CRITIC, report.criticExamples());
    for (Recording.Training training : record.request().trainings()) {
      String prefix = model(training) + "/";
      measures.put(prefix + "firstLoss", training.result().firstLoss());
      measures.put(prefix + "lastLoss", training.result().lastLoss());
    }
    return measures;
  }

  private static void examples(Map<String, Double> measures, Role role, List<Integer> byAgent) {
    for (int agent = 0; agent < byAgent.size(); agent++) {
      measures.put(role.model(agent + 1) + "/examples", (double) byAgent.get(agent));
    }
  }

  private static Series losses(
      int iteration, Recording.Training training, Instant time, Artifacts artifacts) {
    List<Point> points = new ArrayList<>();
    for (Trainer.StepReport each :
        JsonLines.read(artifacts.bytes(training.result().curve()), Trainer.StepReport.class)) {
      if (Double.isFinite(each.loss())) {
        points.add(new Point(each.step(), time, each.loss()));
      }
    }
    return new Series(
        String.format(Locale.ROOT, "iteration-%03d", iteration), model(training) + "/loss", points);
  }

  private static String model(Recording.Training training) {
    return training.role().model(training.agent() + 1);
  }

  /** The same however often it is asked, also where another experiment recorded it first. */
  private static Instant time(ObjectStore store, Recording.Request request) {
    String key = new Step(RecordStep.NAME, RecordStep.VERSION, request).key();
    try {
      return Instant.parse(
          StepManifest.parse(store.bytes(Steps.object(key), MAX_MANIFEST)).finished());
    } catch (MissingObjectException | IOException e) {
      // Of another version, say. Curves have their steps; the audit tells what is damaged.
      return Instant.EPOCH;
    }
  }

  private static SortedMap<String, String> parameters(Experiment experiment) {
    SortedMap<String, String> parameters = new TreeMap<>();
    flatten("", JSON.valueToTree(experiment.spec()), parameters);
    parameters.remove("iterations");
    return parameters;
  }

  private static void flatten(String path, JsonNode node, SortedMap<String, String> into) {
    if (node.isObject()) {
      node.properties()
          .forEach(
              field ->
                  flatten(
                      path.isEmpty() ? field.getKey() : path + "." + field.getKey(),
                      field.getValue(),
                      into));
    } else if (!node.isNull()) {
      into.put(path, node.isValueNode() ? node.asText() : node.toString());
    }
  }

  private static SortedMap<String, String> tags(Experiment experiment, IterationRecord newest) {
    SortedMap<String, String> tags = new TreeMap<>();
    tags.put("polyphony.experiment", experiment.name());
    tags.put("polyphony.iterations", Integer.toString(newest.report().iteration()));
    tags.put("polyphony.base", experiment.base().sha256());
    tags.put("polyphony.trainQuestions", experiment.trainQuestions().sha256());
    tags.put("polyphony.evaluateQuestions", experiment.evaluateQuestions().sha256());
    tags.put("polyphony.prompts", experiment.prompts().sha256());
    tag(tags, "polyphony.evaluatePrompts", experiment.evaluatePrompts());
    tag(tags, "polyphony.likelihoodCheckpoint", experiment.likelihoodCheckpoint());
    tag(tags, "polyphony.embeddingCheckpoint", experiment.embeddingCheckpoint());
    experiment
        .versions()
        .forEach((what, version) -> tags.put("polyphony.version." + what, version));
    newest
        .report()
        .weights()
        .forEach((agent, weights) -> tags.put("polyphony.weights." + agent, weights));
    return tags;
  }

  /**
   * @param artifact null where the experiment does without
   */
  private static void tag(SortedMap<String, String> tags, String name, ArtifactRef artifact) {
    if (artifact != null) {
      tags.put(name, artifact.sha256());
    }
  }
}
