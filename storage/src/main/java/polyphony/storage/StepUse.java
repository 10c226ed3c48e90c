package polyphony.storage;

import java.io.IOException;
import java.util.Objects;

/**
 * Who needs a step: {@code uses/<user>/<key>.json}, written before the step is run and kept for as
 * long as its user is.
 *
 * @param step the step's name, such as {@code vote}
 * @param work of the user, in whose course it was needed, such as {@code mine/iteration-002}
 */
public record StepUse(String step, String work) {
  private static final String PREFIX = "uses/";
  private static final String SUFFIX = ".json";
  private static final int LARGEST = 1 << 12;

  public StepUse {
    Objects.requireNonNull(step, "step");
    Objects.requireNonNull(work, "work");
  }

  /** Where all uses lie, or those of one user. */
  public static String prefix(String user) {
    return PREFIX + (user.isEmpty() ? "" : user + "/");
  }

  /** Where the use of a step lies. */
  public static String object(String user, String key) {
    return prefix(user) + key + SUFFIX;
  }

  /** The user that an object below {@code uses/} belongs to. */
  public static String user(String object) {
    return object.substring(PREFIX.length(), object.lastIndexOf('/'));
  }

  /** The step's key that an object below {@code uses/} is about. */
  public static String key(String object) {
    return object.substring(object.lastIndexOf('/') + 1).replaceFirst("\\.json$", "");
  }

  byte[] bytes() {
    return Sealed.seal(CanonicalJson.bytes(this));
  }

  /**
   * Reads one.
   *
   * @throws IOException where it is damaged
   */
  public static StepUse read(ObjectStore store, String object) throws IOException {
    return CanonicalJson.parsed(Sealed.content(store.bytes(object, LARGEST)), StepUse.class);
  }
}
