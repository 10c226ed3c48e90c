package polyphony.activities.lineage;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import polyphony.activities.Checkpoints;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.StepManifest;
import polyphony.storage.audit.StoreGraph;

/**
 * The steps and artifacts of a store as one graph, walked from one of them: to what it came of, or
 * to what was made of it.
 */
public final class Lineage {
  private final StoreGraph graph;
  private final Checkpoints checkpoints;
  private final Map<String, Set<ArtifactRef>> wholes = new HashMap<>();

  /** What kind of thing a node is. */
  public enum Kind {
    /** A number that an experiment published. */
    REPORT,
    /** A finished step. */
    STEP,
    /** An artifact. */
    OBJECT
  }

  /**
   * A thing in the graph.
   *
   * @param id a step's key, an object's SHA-256, or the name of a report
   * @param facts about it, each in a few words
   */
  public record Node(Kind kind, String id, String title, List<String> facts) {}

  /**
   * A node as it was come upon.
   *
   * @param as what it is to the node above, such as {@code votes}; empty at the root
   * @param above whether it stands higher up already, with what belongs below it
   * @param more how many nodes below it are left out since they lie too deep
   */
  public record Tree(String as, Node node, boolean above, List<Tree> below, int more) {}

  /** What a walk starts from, or comes by: one of the two is null. */
  private record Place(StepManifest step, ArtifactRef object) {
    String id() {
      return step == null ? object.sha256() : step.key();
    }
  }

  private interface Direction {
    /** Where it leads to, each with what that is to this one. */
    Map<Place, String> next(Place place);
  }

  public Lineage(StoreGraph graph, Checkpoints checkpoints) {
    this.graph = graph;
    this.checkpoints = checkpoints;
  }

  /**
   * What a step or an artifact came of.
   *
   * @param depth how far down, in steps; what lies deeper is counted
   */
  public Tree origins(Start start, int depth) {
    return tree(start, this::origins, depth);
  }

  /** What was made of a step's results or of an artifact; as {@link #origins}. */
  public Tree uses(Start start, int depth) {
    return tree(start, this::uses, depth);
  }

  private Tree tree(Start start, Direction direction, int depth) {
    Place place = new Place(start.step(), start.object());
    Set<String> seen = new LinkedHashSet<>();
    Tree tree = tree("", place, direction, depth, seen);
    return start.report() == null ? tree : new Tree("", start.report(), false, List.of(tree), 0);
  }

  private Tree tree(String as, Place place, Direction direction, int depth, Set<String> seen) {
    boolean above = !seen.add(place.id());
    Node node = node(place);
    if (above) {
      return new Tree(as, node, true, List.of(), 0);
    }
    Map<Place, String> next = direction.next(place);
    if (depth == 0) {
      // Not expanded: it may come again where there is room.
      seen.remove(place.id());
      return new Tree(as, node, false, List.of(), next.size());
    }
    List<Tree> below = new ArrayList<>();
    next.forEach((each, label) -> below.add(tree(label, each, direction, depth - 1, seen)));
    return new Tree(as, node, false, List.copyOf(below), 0);
  }

  private Node node(Place place) {
    if (place.step() != null) {
      return new Node(
          Kind.STEP,
          place.step().key(),
          StepText.title(place.step()),
          StepText.facts(place.step()));
    }
    ArtifactRef object = place.object();
    List<String> facts = new ArrayList<>();
    facts.add(object.bytes() + " bytes");
    facts.add(object.mediaType());
    if (object.mediaType().equals(Checkpoints.MEDIA_TYPE)) {
      facts.addAll(adapter(object));
    }
    return new Node(Kind.OBJECT, object.sha256(), object.name(), facts);
  }

  /** What a checkpoint adds to which base; nothing where it is a whole model. */
  private List<String> adapter(ArtifactRef checkpoint) {
    try {
      return checkpoints
          .adapterConfig(checkpoint)
          .map(config -> List.of(config.shown(), "base " + checkpoints.base(checkpoint).sha256()))
          .orElse(List.of());
    } catch (PolyphonyException e) {
      if (e.errorClass() != ErrorClass.DATA) {
        throw e;
      }
      return List.of("its files cannot be read: polyphony audit says what to do");
    }
  }

  private Map<Place, String> origins(Place place) {
    Map<Place, String> origins = new LinkedHashMap<>();
    if (place.step() == null) {
      maker(place.object(), null).ifPresent(step -> origins.put(new Place(step, null), "made by"));
      return origins;
    }
    References.byPath(place.step().inputs())
        .forEach(
            (path, input) -> {
              Optional<StepManifest> maker = maker(input, place.step());
              origins.putIfAbsent(
                  maker.map(step -> new Place(step, null)).orElse(new Place(null, input)),
                  label(path));
            });
    return origins;
  }

  /** Such as {@code votes} or {@code generators}: what a person needs of a path. */
  private static String label(String path) {
    String plain = path.replaceAll("\\[[0-9]+\\]", "");
    return plain.substring(plain.lastIndexOf('.') + 1);
  }

  /**
   * Who made an artifact. Where several did (the same content comes of different steps), the first.
   *
   * @param taker a step that was given it, which is never its maker; may be null
   */
  Optional<StepManifest> maker(ArtifactRef artifact, StepManifest taker) {
    List<StepManifest> makers = graph.makers(artifact.sha256());
    if (makers.isEmpty()) {
      makers = graph.writers(artifact.sha256());
    }
    return makers.stream()
        .filter(step -> taker == null || !step.key().equals(taker.key()))
        .findFirst();
  }

  private Map<Place, String> uses(Place place) {
    Map<Place, String> uses = new LinkedHashMap<>();
    Set<ArtifactRef> made = new LinkedHashSet<>();
    if (place.step() == null) {
      made.add(place.object());
      made.addAll(wholes(place.object()));
    } else {
      made.addAll(References.in(place.step().result()));
    }
    for (ArtifactRef artifact : made) {
      for (StepManifest taker : graph.takers(artifact.sha256())) {
        uses.putIfAbsent(new Place(taker, null), artifact.name());
      }
    }
    return uses;
  }

  /** Checkpoints that a file belongs to. */
  private Set<ArtifactRef> wholes(ArtifactRef part) {
    if (wholes.isEmpty()) {
      for (StepManifest step : graph.manifests().values()) {
        Set<ArtifactRef> named = new LinkedHashSet<>(References.in(step.inputs()));
        named.addAll(References.in(step.result()));
        named.stream()
            .filter(each -> each.mediaType().equals(Checkpoints.MEDIA_TYPE))
            .forEach(
                each ->
                    graph
                        .parts(each)
                        .forEach(
                            file ->
                                wholes
                                    .computeIfAbsent(file.sha256(), unused -> new LinkedHashSet<>())
                                    .add(each)));
      }
    }
    return wholes.getOrDefault(part.sha256(), Set.of());
  }
}
