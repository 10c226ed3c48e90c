package polyphony.activities.compare;

import java.util.List;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonResult;

/** Compares finished experiments and keeps that: {@code comparisons/<name>.json}. */
public final class CompareStep {
  private final ObjectStore store;
  private final Artifacts artifacts;

  public CompareStep(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
  }

  /**
   * @throws PolyphonyException CONFIG where they are not there or cannot be compared
   */
  public List<ComparisonResult.Row> run(
      String comparison, List<ComparisonResult.Compared> experiments) {
    Comparison compared = Comparison.of(store, artifacts, experiments);
    new RecordedComparison(experiments, compared.rows(), compared.differences())
        .write(store, comparison);
    return compared.summary();
  }
}
