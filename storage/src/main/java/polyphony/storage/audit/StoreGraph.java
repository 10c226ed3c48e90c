package polyphony.storage.audit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.Sealed;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;

/**
 * The finished steps of a store and the artifacts between them, as they were when it was read.
 *
 * <p>A step made an artifact if its result names it. What it stored beside that (the files of a
 * checkpoint, which others store as well) it has written.
 */
public final class StoreGraph {
  private static final int LARGEST_MANIFEST = 64 << 20;
  private static final int LARGEST_DOCUMENT = 64 << 20;
  private static final String STEPS = "steps/";
  private static final String SUFFIX = ".json";

  private final ObjectStore store;
  private final SortedMap<String, StepManifest> manifests = new TreeMap<>();
  private final SortedMap<String, Long> sizes = new TreeMap<>();
  private final SortedMap<String, String> damaged = new TreeMap<>();
  private final Map<String, List<StepManifest>> makers = new HashMap<>();
  private final Map<String, List<StepManifest>> writers = new HashMap<>();
  private final Map<String, List<StepManifest>> takers = new HashMap<>();
  private final Map<String, Set<ArtifactRef>> parts = new HashMap<>();

  private StoreGraph(ObjectStore store) {
    this.store = store;
  }

  /** Reads every manifest. */
  public static StoreGraph read(ObjectStore store) {
    StoreGraph graph = new StoreGraph(store);
    for (ObjectStore.Listed object : store.listing(STEPS)) {
      if (isManifest(object.key())) {
        graph.sizes.put(stepKey(object.key()), object.bytes());
        graph.add(stepKey(object.key()));
      }
    }
    return graph;
  }

  /** Whether an object is the manifest of a finished step that is not set aside. */
  static boolean isManifest(String object) {
    return object.endsWith(SUFFIX) && object.lastIndexOf('/') == STEPS.length() - 1;
  }

  static String stepKey(String object) {
    return object.substring(STEPS.length(), object.length() - SUFFIX.length());
  }

  private void add(String key) {
    byte[] json;
    try {
      json = store.bytes(Steps.object(key), LARGEST_MANIFEST);
    } catch (MissingObjectException e) {
      // Set aside since it was listed.
      sizes.remove(key);
      return;
    }
    StepManifest manifest;
    try {
      manifest = StepManifest.parse(json);
    } catch (IOException e) {
      damaged.put(key, firstLine(e.getMessage()));
      return;
    }
    if (!manifest.key().equals(key)) {
      damaged.put(key, "it is that of step " + manifest.key());
      return;
    }
    if (!Sealed.isSealed(json)) {
      damaged.put(key, "it has no seal: its end is damaged, or a version before seals wrote it");
    }
    manifests.put(key, manifest);
    for (ArtifactRef made : References.in(manifest.result())) {
      makers.computeIfAbsent(made.sha256(), each -> new ArrayList<>()).add(manifest);
    }
    for (ArtifactRef written : manifest.outputs()) {
      writers.computeIfAbsent(written.sha256(), each -> new ArrayList<>()).add(manifest);
    }
    for (ArtifactRef taken : References.in(manifest.inputs())) {
      takers.computeIfAbsent(taken.sha256(), each -> new ArrayList<>()).add(manifest);
    }
  }

  private static String firstLine(String message) {
    return String.valueOf(message).lines().findFirst().orElse("");
  }

  /** Manifests that can be read, by key. */
  public SortedMap<String, StepManifest> manifests() {
    return Collections.unmodifiableSortedMap(manifests);
  }

  /** The manifest of a step, if it is there and can be read. */
  public Optional<StepManifest> manifest(String key) {
    return Optional.ofNullable(manifests.get(key));
  }

  /** Bytes of every manifest that is there, by key. */
  public SortedMap<String, Long> sizes() {
    return Collections.unmodifiableSortedMap(sizes);
  }

  /** What is wrong with manifests that are there, by key. */
  public SortedMap<String, String> damaged() {
    return Collections.unmodifiableSortedMap(damaged);
  }

  /** Steps that made an artifact, the first one first. */
  public List<StepManifest> makers(String sha256) {
    return sorted(makers, sha256);
  }

  /** Steps that have stored an artifact, the first one first. */
  public List<StepManifest> writers(String sha256) {
    return sorted(writers, sha256);
  }

  /** Steps that were given an artifact, the first one first. */
  public List<StepManifest> takers(String sha256) {
    return sorted(takers, sha256);
  }

  private static List<StepManifest> sorted(Map<String, List<StepManifest>> index, String sha256) {
    return index.getOrDefault(sha256, List.of()).stream()
        .sorted(Comparator.comparing(StepManifest::finished).thenComparing(StepManifest::key))
        .toList();
  }

  /** Who needs which steps: by user, by step's key. Damaged uses count, with an unknown step. */
  public NavigableMap<String, NavigableMap<String, StepUse>> uses() {
    NavigableMap<String, NavigableMap<String, StepUse>> uses = new TreeMap<>();
    for (String object : store.list(StepUse.prefix(""))) {
      uses.computeIfAbsent(StepUse.user(object), each -> new TreeMap<>())
          .put(StepUse.key(object), use(object));
    }
    return uses;
  }

  private StepUse use(String object) {
    try {
      return StepUse.read(store, object);
    } catch (IOException | MissingObjectException e) {
      return new StepUse("step", StepUse.user(object));
    }
  }

  /**
   * The artifacts that an artifact is made of: those that it names, where it is JSON. Nothing where
   * it is missing or damaged.
   */
  public Set<ArtifactRef> parts(ArtifactRef artifact) {
    if (!artifact.mediaType().endsWith("json") || artifact.bytes() > LARGEST_DOCUMENT) {
      return Set.of();
    }
    return parts.computeIfAbsent(
        artifact.sha256(),
        sha256 -> {
          try {
            return References.in(store.bytes(Artifacts.key(artifact), LARGEST_DOCUMENT));
          } catch (IOException | PolyphonyException e) {
            if (e instanceof PolyphonyException failure && failure.errorClass().retryable()) {
              throw failure;
            }
            return Set.of();
          }
        });
  }

  /** Everything that these artifacts are made of, they themselves included. */
  public Set<ArtifactRef> whole(Iterable<ArtifactRef> artifacts) {
    Set<ArtifactRef> all = new LinkedHashSet<>();
    List<ArtifactRef> open = new ArrayList<>();
    artifacts.forEach(open::add);
    while (!open.isEmpty()) {
      ArtifactRef next = open.remove(open.size() - 1);
      if (all.add(next)) {
        open.addAll(parts(next));
      }
    }
    return all;
  }
}
