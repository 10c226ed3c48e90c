package polyphony.activities.report;

import java.util.List;
import java.util.Optional;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.workflows.ExperimentNames;

/**
 * Writes the report of an experiment or a comparison and keeps it: an artifact, which {@code
 * experiments/<name>/report.json} or {@code comparisons/<name>/report.json} names. Equal contents
 * of the store give equal bytes.
 */
public final class ReportStep {
  /** The record that names a report, below its experiment or comparison. */
  public static final String RECORD = "report.json";

  private static final String MEDIA_TYPE = "text/html";

  private final ObjectStore store;
  private final Artifacts artifacts;

  /**
   * What was written.
   *
   * @param name of the experiment or the comparison
   * @param key of the record in the store that names the report
   * @param page the report itself
   */
  public record Written(String name, String key, ArtifactRef page) {}

  /** The record in the store. */
  private record Kept(String name, ArtifactRef page) {}

  public ReportStep(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
  }

  /**
   * Writes it, and replaces an earlier one of this name. What is damaged or missing in the store is
   * left out, and the report says so.
   *
   * @param names of an experiment, finished or not, or of a comparison; where both are called so,
   *     the experiment's is written. Several: those experiments side by side, under a name derived
   *     from theirs.
   * @throws PolyphonyException CONFIG where there is no such thing, or where several cannot be
   *     compared; DATA where a comparison's one record is damaged
   */
  public Written run(List<String> names) {
    names.forEach(ReportStep::requireName);
    if (names.size() > 1) {
      String name = "comparison-" + CanonicalJson.sha256(names).substring(0, 8);
      return comparison(new ComparisonReader(store, artifacts).of(name, names));
    }
    String name = names.get(0);
    ExperimentReader experiments = new ExperimentReader(store, artifacts);
    if (experiments.knows(name)) {
      return keep(name, "experiments/", ExperimentPage.of(experiments.read(name)));
    }
    Optional<ComparisonReport> comparison = new ComparisonReader(store, artifacts).read(name);
    return comparison(
        comparison.orElseThrow(
            () ->
                PolyphonyException.config(
                    "the store has no experiment and no comparison "
                        + name
                        + "; check its name (polyphony list shows the experiments), and --store")));
  }

  private static void requireName(String name) {
    if (!ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "an experiment cannot be called \"" + name + "\", allowed: " + ExperimentNames.ALLOWED);
    }
  }

  private Written comparison(ComparisonReport report) {
    return keep(report.name(), "comparisons/", ComparisonPage.of(report));
  }

  private Written keep(String name, String folder, byte[] html) {
    ArtifactRef page = artifacts.put(html, MEDIA_TYPE, name + ".html");
    String key = folder + name + "/" + RECORD;
    store.write(key, Sealed.seal(CanonicalJson.bytes(new Kept(name, page))));
    return new Written(name, key, page);
  }
}
