package polyphony.activities.resolve;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import polyphony.activities.Checkpoints;
import polyphony.activities.lineage.Start;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.StepManifest;
import polyphony.storage.audit.StoreGraph;

/** Every model that the store holds, by what a person calls it. */
public final class StoredModels {
  /** What a reference may be, for messages. */
  public static final String ALLOWED =
      "an imported model's name, EXPERIMENT/iteration-NNN/generator-N or /critic-N, or 8 or more"
          + " digits of its weights' SHA-256";

  private static final Pattern AGENT =
      Pattern.compile("[^/]+/(?:[^/]+/)?(?:generator|critic)-\\d+");
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{8,64}");

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Checkpoints checkpoints;
  private final ModelRegistry registry;

  public StoredModels(
      ObjectStore store, Artifacts artifacts, Checkpoints checkpoints, ModelRegistry registry) {
    this.store = store;
    this.artifacts = artifacts;
    this.checkpoints = checkpoints;
    this.registry = registry;
  }

  /**
   * The checkpoint of a model.
   *
   * @throws PolyphonyException CONFIG where the reference means nothing, or several models
   */
  public ArtifactRef checkpoint(String reference) {
    if (registry.names().contains(reference)) {
      return registry.checkpoint(reference);
    }
    if (AGENT.matcher(reference).matches()) {
      return Start.of(reference, store, artifacts, StoreGraph.read(store)).object();
    }
    Map<String, ArtifactRef> found = new LinkedHashMap<>();
    if (HASH.matcher(reference).matches()) {
      for (ArtifactRef checkpoint : all()) {
        if (checkpoint.sha256().startsWith(reference)
            || checkpoints.weightsSha256(checkpoint).startsWith(reference)) {
          found.put(checkpoint.sha256(), checkpoint);
        }
      }
    }
    if (found.size() == 1) {
      return found.values().iterator().next();
    }
    throw PolyphonyException.config(
        found.isEmpty()
            ? "the store has no model \""
                + reference
                + "\"; imported: "
                + String.join(", ", registry.names())
                + "; allowed: "
                + ALLOWED
            : reference
                + " fits several models; give one of their checkpoints: "
                + found.keySet().stream().sorted().collect(Collectors.joining(", ")));
  }

  private Iterable<ArtifactRef> all() {
    Map<String, ArtifactRef> all = new LinkedHashMap<>();
    for (String name : registry.names()) {
      registry.imported(name).ifPresent(each -> all.put(each.sha256(), each));
    }
    for (StepManifest step : StoreGraph.read(store).manifests().values()) {
      for (var named : List.of(step.inputs(), step.result())) {
        for (ArtifactRef artifact : References.in(named)) {
          if (artifact.mediaType().equals(Checkpoints.MEDIA_TYPE)) {
            all.put(artifact.sha256(), artifact);
          }
        }
      }
    }
    return all.values();
  }
}
