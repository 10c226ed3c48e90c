package polyphony.storage.audit;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;

/** What a store really holds under an artifact's name. */
public enum ObjectState {
  INTACT("intact"),
  MISSING("missing"),
  WRONG_SIZE("damaged: it does not have the size that is recorded"),
  WRONG_CONTENT("damaged: its content does not have the SHA-256 that is its name");

  private final String shown;

  ObjectState(String shown) {
    this.shown = shown;
  }

  /** In words. */
  public String shown() {
    return shown;
  }

  /** Reads the whole object, in pieces. */
  public static ObjectState of(ObjectStore store, ArtifactRef artifact) {
    String key = Artifacts.key(artifact);
    Optional<Long> size = store.size(key);
    if (size.isEmpty()) {
      return MISSING;
    } else if (size.get() != artifact.bytes()) {
      return WRONG_SIZE;
    }
    try (InputStream stream = store.read(key)) {
      return Sha256.of(stream).equals(artifact.sha256()) ? INTACT : WRONG_CONTENT;
    } catch (MissingObjectException e) {
      return MISSING;
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "reading " + key + " broke off (" + e.getMessage() + "): run again", e);
    }
  }
}
