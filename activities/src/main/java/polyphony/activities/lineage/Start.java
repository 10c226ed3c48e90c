package polyphony.activities.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.activities.evaluate.RecordStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.StepManifest;
import polyphony.storage.audit.StoreGraph;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Society;

/**
 * What a lineage starts from.
 *
 * @param report the published number above it; null where it is an artifact or a step itself
 * @param step null where it is an artifact
 * @param object null where it is a step
 */
public record Start(Lineage.Node report, StepManifest step, ArtifactRef object) {
  /** What a reference may be, for messages. */
  public static final String ALLOWED =
      "EXPERIMENT, EXPERIMENT/iteration-NNN, one of these and /accuracy, /labels, /generator-N or"
          + " /critic-N; or 8 or more digits of a step's key or an object's SHA-256";

  private static final Pattern HASH = Pattern.compile("[0-9a-f]{8,64}");
  private static final Pattern NAME =
      Pattern.compile("([^/]+)(?:/iteration-([0-9]{1,3}))?(?:/([a-z]+)(?:-([0-9]{1,2}))?)?");

  /**
   * Finds what a reference means.
   *
   * @throws PolyphonyException CONFIG where it means nothing, or several things
   */
  public static Start of(
      String reference, ObjectStore store, Artifacts artifacts, StoreGraph graph) {
    ExperimentRecords records = new ExperimentRecords(store);
    Matcher name = NAME.matcher(reference);
    if (name.matches()
        && ExperimentNames.isValid(name.group(1))
        && records.experiment(name.group(1)).isPresent()) {
      return named(name, records, artifacts, graph);
    }
    if (HASH.matcher(reference).matches()) {
      return hashed(reference, graph);
    }
    throw PolyphonyException.config("nothing is called \"" + reference + "\"; allowed: " + ALLOWED);
  }

  private static Start hashed(String reference, StoreGraph graph) {
    Map<String, Start> found = new LinkedHashMap<>();
    for (StepManifest step : graph.manifests().values()) {
      if (step.key().startsWith(reference)) {
        found.put("step " + step.key(), new Start(null, step, null));
      }
      for (JsonNode named : List.of(step.inputs(), step.result())) {
        for (ArtifactRef artifact : graph.whole(References.in(named))) {
          if (artifact.sha256().startsWith(reference)) {
            found.putIfAbsent("object " + artifact.sha256(), new Start(null, null, artifact));
          }
        }
      }
    }
    if (found.size() != 1) {
      throw PolyphonyException.config(
          found.isEmpty()
              ? "no finished step has the key " + reference + " or names such an object"
              : reference + " is the start of several: " + String.join(", ", found.keySet()));
    }
    return found.values().iterator().next();
  }

  private static Start named(
      Matcher name, ExperimentRecords records, Artifacts artifacts, StoreGraph graph) {
    String experiment = name.group(1);
    List<IterationReport> reports = records.reports(experiment);
    int iteration = name.group(2) == null ? reports.size() - 1 : Integer.parseInt(name.group(2));
    if (iteration < 0 || iteration >= reports.size()) {
      throw PolyphonyException.config(
          "experiment "
              + experiment
              + " has finished "
              + (reports.isEmpty() ? "no iteration" : "iterations 0 to " + (reports.size() - 1))
              + (name.group(2) == null ? "" : ", not " + iteration));
    }
    IterationReport report = reports.get(iteration);
    String what = name.group(3) == null ? "accuracy" : name.group(3);
    int number = name.group(4) == null ? 0 : Integer.parseInt(name.group(4));
    IterationRecord record = IterationRecord.read(artifacts, report.record());
    Society society = record.request().society();
    String of = " of " + ExperimentNames.iteration(experiment, iteration);
    switch (what) {
      case "accuracy" -> {
        return new Start(
            new Lineage.Node(
                Lineage.Kind.REPORT,
                ExperimentNames.iteration(experiment, iteration),
                String.format(
                    Locale.ROOT,
                    "accuracy %.3f ± %.3f%s",
                    report.accuracy(),
                    report.standardError(),
                    of),
                List.of(report.questions() + " questions")),
            recordStep(report, graph),
            null);
      }
      case "labels" -> {
        if (record.request().labels() != null) {
          return new Start(null, null, record.request().labels().votes());
        }
        throw PolyphonyException.config("nothing was labelled in iteration " + iteration);
      }
      case "generator", "critic" -> {
        List<ArtifactRef> models =
            what.equals("generator") ? society.generators() : society.critics();
        if (number >= 1 && number <= models.size()) {
          return new Start(null, null, models.get(number - 1));
        }
        throw PolyphonyException.config(
            "there are " + what + "-1 to " + what + "-" + models.size() + ", not " + number);
      }
      default ->
          throw PolyphonyException.config(
              "an iteration has no \"" + what + "\"; allowed: " + ALLOWED);
    }
  }

  private static StepManifest recordStep(IterationReport report, StoreGraph graph) {
    return graph.makers(report.record().sha256()).stream()
        .filter(step -> step.name().equals(RecordStep.NAME))
        .findFirst()
        .orElseThrow(
            () ->
                PolyphonyException.data(
                    "the manifest of the step that made the record "
                        + report.record().sha256()
                        + " is missing or damaged: polyphony audit says what to do"));
  }
}
