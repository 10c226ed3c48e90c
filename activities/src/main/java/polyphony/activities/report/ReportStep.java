package polyphony.activities.report;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.MissingObjectException;
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

  private static final int LARGEST_RECORD = 1 << 16;
  private static final JsonMapper JSON = new JsonMapper();
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
    Page page = page(names);
    ArtifactRef html = artifacts.put(page.html(), MEDIA_TYPE, page.name() + ".html");
    String key = page.folder() + page.name() + "/" + RECORD;
    Optional<ArtifactRef> before = kept(key);
    store.write(key, Sealed.seal(CanonicalJson.bytes(new Kept(page.name(), html))));
    // Nothing else names it: an experiment would leave one of every iteration behind.
    before
        .filter(each -> !each.sha256().equals(html.sha256()))
        .ifPresent(each -> store.delete(Artifacts.key(each)));
    return new Written(page.name(), key, html);
  }

  /** The page that a record names; empty where there is none, or none that can be read. */
  private Optional<ArtifactRef> kept(String key) {
    try {
      return Optional.of(
          JSON.readValue(Sealed.content(store.bytes(key, LARGEST_RECORD)), Kept.class).page());
    } catch (MissingObjectException | IOException e) {
      return Optional.empty();
    }
  }

  /**
   * Writes one without keeping it.
   *
   * @param name as in {@link #run}
   * @return HTML in UTF-8
   * @throws PolyphonyException as {@link #run}
   */
  public byte[] html(String name) {
    return page(List.of(name)).html();
  }

  /** A report and where it belongs. */
  private record Page(String name, String folder, byte[] html) {}

  private Page page(List<String> names) {
    names.forEach(ReportStep::requireName);
    if (names.size() > 1) {
      String name = "comparison-" + CanonicalJson.sha256(names).substring(0, 8);
      return comparison(new ComparisonReader(store, artifacts).of(name, names));
    }
    String name = names.get(0);
    ExperimentReader experiments = new ExperimentReader(store, artifacts);
    if (experiments.knows(name)) {
      return new Page(name, "experiments/", ExperimentPage.of(experiments.read(name)));
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

  private static Page comparison(ComparisonReport report) {
    return new Page(report.name(), "comparisons/", ComparisonPage.of(report));
  }
}
