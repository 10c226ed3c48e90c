package polyphony.activities.resolve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.Checkpoints;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.SpecDefaults;

/**
 * Base models by name: the one that comes along, and those that were imported into the store, each
 * recorded at {@code models/<name>.json}. A name never leads to a path on a worker.
 */
public final class ModelRegistry {
  private static final String PREFIX = "models/";

  /** What fields of a spec call something else. */
  private static final List<String> RESERVED =
      List.of(BuiltInModel.NAME, SpecDefaults.SELF, SpecDefaults.BASE);

  private static final int MAX_BYTES = 1 << 16;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Path scratch;
  private final BuiltInModel builtIn;

  public ModelRegistry(ObjectStore store, Artifacts artifacts, Path scratch) {
    this(store, artifacts, scratch, new BuiltInModel());
  }

  /**
   * @param scratch folder for files on their way to the store
   */
  ModelRegistry(ObjectStore store, Artifacts artifacts, Path scratch, BuiltInModel builtIn) {
    this.store = store;
    this.artifacts = artifacts;
    this.scratch = scratch;
    this.builtIn = builtIn;
  }

  /** Every name that a spec can give, sorted. */
  public List<String> names() {
    List<String> names = new ArrayList<>();
    if (builtIn.present()) {
      names.add(BuiltInModel.NAME);
    }
    for (String key : store.list(PREFIX)) {
      names.add(key.substring(PREFIX.length(), key.length() - ".json".length()));
    }
    return names.stream().sorted().toList();
  }

  /**
   * The checkpoint of a base model.
   *
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public ArtifactRef checkpoint(String name) {
    return checkpoint("baseModel", name);
  }

  /**
   * The checkpoint of the model that a field of a spec names.
   *
   * @throws PolyphonyException CONFIG with the names that exist
   */
  ArtifactRef checkpoint(String field, String name) {
    if (BuiltInModel.NAME.equals(name) && builtIn.present()) {
      return builtIn.put(scratch, artifacts::put);
    }
    return imported(name)
        .orElseThrow(
            () ->
                PolyphonyException.config(
                    "there is no model \""
                        + name
                        + "\"; "
                        + field
                        + " is one of "
                        + String.join(", ", names())
                        + ", or import it first"));
  }

  /** The checkpoint that was imported under this name. */
  public Optional<ArtifactRef> imported(String name) {
    if (name == null || !ExperimentNames.isValid(name)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          JSON.readValue(store.bytes(PREFIX + name + ".json", MAX_BYTES), ArtifactRef.class));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, PREFIX + name + ".json in the store names no checkpoint", e);
    }
  }

  /**
   * Imports a Hugging Face folder. Importing the same folder again changes nothing.
   *
   * @throws PolyphonyException CONFIG where the name is taken by another model or is no name; DATA
   *     where the folder is no model
   */
  public ArtifactRef importFolder(String name, Path folder) {
    if (RESERVED.contains(name) || !ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "a model cannot be called \""
              + name
              + "\", allowed: "
              + ExperimentNames.ALLOWED
              + ", but not "
              + String.join(", ", RESERVED));
    }
    ArtifactRef checkpoint = Checkpoints.put(folder, artifacts::put);
    if (!store.writeIfAbsent(PREFIX + name + ".json", CanonicalJson.bytes(checkpoint))
        && !imported(name).equals(Optional.of(checkpoint))) {
      throw PolyphonyException.config(
          "the name \"" + name + "\" belongs to another model; choose another name");
    }
    return checkpoint;
  }
}
