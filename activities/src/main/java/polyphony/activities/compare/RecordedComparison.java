package polyphony.activities.compare;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.workflows.ComparisonResult;

/**
 * A comparison as the store keeps it: {@code comparisons/<name>.json}.
 *
 * @param experiments that were compared; empty where an earlier version recorded it
 */
public record RecordedComparison(
    List<ComparisonResult.Compared> experiments,
    List<Comparison.Row> rows,
    List<Comparison.Difference> differences) {
  private static final int LARGEST = 64 << 20;

  /** Another version may have known more fields. */
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  public RecordedComparison {
    experiments = experiments == null ? List.of() : List.copyOf(experiments);
    rows = List.copyOf(rows);
    differences = List.copyOf(differences);
  }

  /** What it comes to. */
  public Comparison comparison() {
    return new Comparison(rows, differences);
  }

  private static String key(String name) {
    return "comparisons/" + name + ".json";
  }

  void write(ObjectStore store, String name) {
    store.write(key(name), Sealed.seal(CanonicalJson.bytes(this)));
  }

  /**
   * @return empty where the store has no comparison of this name
   * @throws PolyphonyException DATA where it is damaged
   */
  public static Optional<RecordedComparison> read(ObjectStore store, String name) {
    try {
      return Optional.of(
          JSON.readValue(
              Sealed.content(store.bytes(key(name), LARGEST)), RecordedComparison.class));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          key(name)
              + " in the store is damaged, or of another version: run the comparison again, its"
              + " steps are there",
          e);
    }
  }
}
