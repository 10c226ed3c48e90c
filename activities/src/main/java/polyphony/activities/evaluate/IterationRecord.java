package polyphony.activities.evaluate;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import polyphony.activities.JsonLines;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Recording;

/**
 * The record artifact of an iteration: the report, the agents behind it, and every artifact behind
 * them.
 *
 * @param report without a reference to this record
 */
public record IterationRecord(
    IterationReport report, List<Agent> agents, Recording.Request request) {
  private static final JsonMapper JSON = new JsonMapper();

  /**
   * @param firstRoundAccuracy share of this agent's first answers that are correct
   * @param lastRoundAccuracy share of its last answers that are correct
   * @param parsed share of its last answers that could be read
   * @param lastTokens tokens of its last answers, all together
   */
  public record Agent(
      int agent,
      double firstRoundAccuracy,
      double lastRoundAccuracy,
      double parsed,
      long lastTokens) {}

  /**
   * @throws PolyphonyException DATA where the artifact is no such record
   */
  public static IterationRecord read(Artifacts artifacts, ArtifactRef record) {
    try {
      return JSON.readValue(artifacts.bytes(record), IterationRecord.class);
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          record.name()
              + " "
              + record.sha256()
              + " is not an iteration's record this version can read",
          e);
    }
  }

  /**
   * What every evaluation question showed, in the questions' order.
   *
   * @throws PolyphonyException DATA where measurements are missing or twice there
   */
  public List<Measurement> measurements(Artifacts artifacts) {
    return measurements(request, artifacts);
  }

  static List<Measurement> measurements(Recording.Request request, Artifacts artifacts) {
    List<Measurement> measurements = new ArrayList<>();
    for (ArtifactRef range : request.measurements()) {
      measurements.addAll(JsonLines.read(artifacts.bytes(range), Measurement.class));
    }
    measurements.sort(Comparator.comparingInt(Measurement::index));
    if (measurements.size() != request.evaluation().questions() || measurements.isEmpty()) {
      throw PolyphonyException.data(
          "there are "
              + measurements.size()
              + " measurements of "
              + request.evaluation().questions()
              + " evaluation questions");
    }
    for (int i = 0; i < measurements.size(); i++) {
      if (measurements.get(i).index() != i || measurements.get(i).agents() != request.speakers()) {
        throw PolyphonyException.data(
            "question " + i + " was not measured exactly once, for every agent");
      }
    }
    return measurements;
  }
}
