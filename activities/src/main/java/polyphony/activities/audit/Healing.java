package polyphony.activities.audit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import polyphony.activities.evaluate.RecordStep;
import polyphony.storage.CanonicalJson;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.storage.Sha256;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;
import polyphony.storage.audit.StoreGraph;

/**
 * Takes away what is damaged or not trusted any more, so that the next run of the experiment makes
 * it anew: a step by its key, an object by its SHA-256, a record by its name.
 */
public final class Healing {
  private static final int LARGEST_RECORD = 1 << 20;
  private static final int SHORTEST = 8;

  private final ObjectStore store;
  private final Steps steps;

  public Healing(ObjectStore store, Steps steps) {
    this.store = store;
    this.steps = steps;
  }

  /**
   * Sets a step aside, or takes a damaged object away.
   *
   * @param key of the step, or SHA-256 of the object
   * @return what it was, in words
   * @throws PolyphonyException CONFIG where there is nothing of this key, or where it is intact
   */
  public String setAside(String key) {
    Optional<StepManifest> manifest = steps.manifest(key);
    if (steps.discard(key)) {
      return manifest.map(StepManifest::name).orElse("step " + key);
    }
    String object = "objects/" + key;
    Optional<Long> size = store.size(object);
    if (size.isPresent()) {
      if (intact(object, key)) {
        throw PolyphonyException.config(
            "the object "
                + key
                + " is intact; to have it made anew anyway, give the key of the step that made it");
      }
      store.delete(object);
      return "damaged object " + key;
    }
    // An earlier attempt at this may have done it and not been heard.
    if (steps.wasSetAside(key)) {
      return "step " + key;
    }
    throw PolyphonyException.config(
        "there is no finished step and no object "
            + key
            + "; a step's key is the name of its file in the store's folder steps, without .json");
  }

  private boolean intact(String object, String sha256) {
    try (var stream = store.read(object)) {
      return Sha256.of(stream).equals(sha256);
    } catch (MissingObjectException e) {
      return false;
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "reading " + object + " broke off (" + e.getMessage() + "): run again", e);
    }
  }

  /**
   * As {@link #setAside}, for an experiment that nobody is working on.
   *
   * @param what as {@link #key}, or a record such as {@code experiment.json}
   * @return what was done, in words
   */
  public String heal(String experiment, String what) {
    if (what.endsWith(".json")) {
      return healRecord(experiment, what);
    }
    String key = key(experiment, what);
    if (steps.claimed(key)) {
      throw PolyphonyException.config(
          "step " + key + " is being computed at the moment: wait for its end, or abort it");
    }
    return setAside(key) + " is set aside";
  }

  /**
   * The one step or object of an experiment that an abbreviation means.
   *
   * @param what all 64 hexadecimal digits of a step's key or an object's SHA-256, or the first 8 or
   *     more
   * @throws PolyphonyException CONFIG where it means none or several
   */
  public String key(String experiment, String what) {
    if (!what.matches("[0-9a-f]{" + SHORTEST + ",64}")) {
      throw PolyphonyException.config(
          "\""
              + what
              + "\" is no step's key and no object's SHA-256; allowed: "
              + SHORTEST
              + " to 64 hexadecimal digits, or the name of a record such as experiment.json");
    }
    if (what.length() == 64) {
      return what;
    }
    Set<String> found = new TreeSet<>();
    for (String use : store.list(StepUse.prefix(experiment))) {
      if (StepUse.key(use).startsWith(what)) {
        found.add(StepUse.key(use));
      }
    }
    for (String object : store.list("objects/" + what)) {
      found.add(object.substring("objects/".length()));
    }
    if (found.size() != 1) {
      throw PolyphonyException.config(
          found.isEmpty()
              ? "experiment " + experiment + " has no step or object " + what
              : what + " is the start of several: " + String.join(", ", found));
    }
    return found.iterator().next();
  }

  private String healRecord(String experiment, String name) {
    String key = "experiments/" + experiment + "/" + name;
    if (store.size(key).isEmpty()) {
      throw PolyphonyException.config("the store has no record " + key);
    }
    if (name.startsWith("histories/")) {
      store.delete(key);
      return key + " is given up: that history is lost";
    }
    if (sealed(key)) {
      throw PolyphonyException.config("the record " + key + " is intact");
    }
    Optional<byte[]> restored =
        name.equals("experiment.json") ? experiment(experiment) : Optional.empty();
    if (restored.isPresent()) {
      store.write(key, restored.get());
      return key + " is restored from what a finished iteration recorded";
    }
    store.delete(key);
    return "damaged record " + key + " is taken away";
  }

  private boolean sealed(String key) {
    byte[] record = store.bytes(key, LARGEST_RECORD);
    try {
      Sealed.content(record);
      return Sealed.isSealed(record);
    } catch (IOException e) {
      return false;
    }
  }

  /** As the last finished iteration of this experiment knew it. */
  private Optional<byte[]> experiment(String name) {
    StoreGraph graph = StoreGraph.read(store);
    List<StepManifest> records = new ArrayList<>();
    for (String use : store.list(StepUse.prefix(name))) {
      graph
          .manifest(StepUse.key(use))
          .filter(manifest -> manifest.name().equals(RecordStep.NAME))
          .ifPresent(records::add);
    }
    return records.stream()
        .max(Comparator.comparing(StepManifest::finished))
        .map(manifest -> manifest.inputs().path("experiment"))
        .filter(experiment -> experiment.path("name").asText().equals(name))
        .map(experiment -> Sealed.seal(CanonicalJson.bytes(experiment)));
  }
}
