package polyphony.activities.regrade;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import polyphony.storage.ErrorClass;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepManifest;
import polyphony.storage.Steps;
import polyphony.workflows.StepReport;

/** What finished steps were asked, from their manifests. */
public final class StepRequests {
  private static final int LARGEST_MANIFEST = 64 << 20;

  /** Another version may have known more fields. */
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private final ObjectStore store;

  public StepRequests(ObjectStore store) {
    this.store = store;
  }

  /**
   * @param step as it is recorded
   * @throws polyphony.storage.MissingObjectException where the manifest is not there
   * @throws PolyphonyException DATA where it cannot be read
   */
  public <T> T of(StepReport step, Class<T> type) {
    byte[] json = store.bytes(Steps.object(step.key()), LARGEST_MANIFEST);
    try {
      return of(StepManifest.parse(json), type);
    } catch (IOException e) {
      throw unreadable(step.key(), e);
    }
  }

  /**
   * @throws PolyphonyException DATA where it was asked something else
   */
  public static <T> T of(StepManifest step, Class<T> type) {
    try {
      return JSON.treeToValue(step.inputs(), type);
    } catch (IOException e) {
      throw unreadable(step.key(), e);
    }
  }

  private static PolyphonyException unreadable(String key, IOException cause) {
    return new PolyphonyException(
        ErrorClass.DATA,
        "the manifest "
            + Steps.object(key)
            + " is damaged, or of another version: polyphony audit says what to do",
        cause);
  }
}
