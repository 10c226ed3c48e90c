package polyphony.storage.audit;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import polyphony.storage.ArtifactRef;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.Sealed;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;

/**
 * Deletes what nobody needs any more.
 *
 * <p>Kept are: every record (what experiments and models keep beside the steps), every step that
 * has a user, is claimed, or led to what a record names, and every artifact that one of these
 * names. Of the rest, what was written within a grace age is kept too: a running step stores
 * objects before it names them.
 *
 * <p>Records go first, then manifests, objects last, so that being killed leaves nothing that names
 * what is gone. Runs may go on meanwhile, and new ones start: a run notes its use of a step before
 * it looks for the manifest, so before every batch of deletions the store is listed again, and
 * where a record, use, claim, manifest or commit has appeared, all is worked out anew. What a run
 * does within one batch's time is left to the readers: a manifest whose outputs are gone does not
 * count, and a step whose outputs vanish before its manifest is written is run again.
 */
public final class Pruning {
  private static final int BATCH = 200;
  private static final int LARGEST = 64 << 20;
  private static final String PROBES = "probe/";

  private final ObjectStore store;
  private final Steps steps;
  private final List<String> records;
  private final Clock clock;

  /** What can go, in the order in which it goes. */
  public enum Kind {
    RECORD("records"),
    USE("uses of steps"),
    MANIFEST("manifests"),
    SET_ASIDE("records set aside"),
    PROGRESS("commits of steps that were given up"),
    CLAIM("expired claims"),
    PROBE("probes"),
    OBJECT("objects");

    private final String shown;

    Kind(String shown) {
      this.shown = shown;
    }

    /** In words. */
    public String shown() {
      return shown;
    }
  }

  /** Something to be deleted. */
  public record Item(Kind kind, String key, long bytes) {}

  /**
   * What would go.
   *
   * @param items in order
   * @param young objects that nobody needs, but that were written within the grace age
   * @param youngBytes their size
   */
  public record Plan(List<Item> items, long young, long youngBytes) {
    /** How many of a kind. */
    public long count(Kind kind) {
      return items.stream().filter(item -> item.kind() == kind).count();
    }

    /** Bytes of a kind. */
    public long bytes(Kind kind) {
      return items.stream().filter(item -> item.kind() == kind).mapToLong(Item::bytes).sum();
    }
  }

  /**
   * @param steps of this store, to see claims through
   * @param records prefixes such as {@code experiments/}, below which every object is a record
   * @param clock must agree with the store's much better than the grace age
   */
  public Pruning(ObjectStore store, Steps steps, List<String> records, Clock clock) {
    this.store = store;
    this.steps = steps;
    this.records = List.copyOf(records);
    this.clock = clock;
  }

  /**
   * What would go.
   *
   * @param dropped users of steps to do without; their records are those below their name
   * @throws PolyphonyException CONFIG where a dropped one is unknown or being worked on, DATA where
   *     something damaged hides what is needed
   */
  public Plan plan(Set<String> dropped, Duration age) {
    return new Marking(dropped, clock.instant().minus(age)).plan();
  }

  /**
   * Deletes it.
   *
   * @return what was deleted
   * @throws PolyphonyException as {@link #plan}
   */
  public List<Item> delete(Set<String> dropped, Duration age) {
    List<Item> deleted = new ArrayList<>();
    Set<String> left = dropped;
    Instant oldest = clock.instant().minus(age);
    while (true) {
      Set<String> known = standing();
      List<Item> items = new Marking(left, oldest).plan().items();
      int done = 0;
      while (done < items.size()) {
        List<Item> batch = items.subList(done, Math.min(done + BATCH, items.size()));
        Set<String> appeared = standing();
        appeared.removeAll(known);
        if (!appeared.isEmpty()) {
          left = stillDropped(left, appeared);
          break;
        }
        for (Item item : batch) {
          store.delete(item.key());
          deleted.add(item);
        }
        done += batch.size();
      }
      if (done == items.size()) {
        return List.copyOf(deleted);
      }
    }
  }

  /** Without those that were started again meanwhile, and those that are gone already. */
  private Set<String> stillDropped(Set<String> dropped, Set<String> appeared) {
    return dropped.stream()
        .filter(
            user ->
                prefixes(user)
                    .noneMatch(prefix -> appeared.stream().anyMatch(key -> key.startsWith(prefix))))
        .filter(this::isRecorded)
        .collect(Collectors.toSet());
  }

  private boolean isRecorded(String user) {
    return prefixes(user).anyMatch(prefix -> !store.list(prefix).isEmpty());
  }

  private Stream<String> prefixes(String user) {
    return Stream.concat(Stream.of(StepUse.prefix(user)), recordsOf(user));
  }

  private Stream<String> recordsOf(String user) {
    return records.stream().map(prefix -> prefix + user + "/");
  }

  /** All that can say that something is needed. */
  private Set<String> standing() {
    Set<String> keys = new HashSet<>();
    records.forEach(prefix -> keys.addAll(store.list(prefix)));
    for (String prefix : List.of(StepUse.prefix(""), "claims/", "steps/", "progress/")) {
      keys.addAll(store.list(prefix));
    }
    return keys;
  }

  /** Everything that is needed, and so what is not. */
  private final class Marking {
    private final Set<String> dropped;
    private final Instant oldest;
    private final StoreGraph graph;
    private final Set<String> steps = new HashSet<>();
    private final Set<String> objects = new HashSet<>();
    private final List<ArtifactRef> open = new ArrayList<>();
    private final List<Item> items = new ArrayList<>();
    private final SortedMap<String, List<ObjectStore.Listed>> progress;
    private final SortedMap<String, List<ObjectStore.Listed>> claims;

    Marking(Set<String> dropped, Instant oldest) {
      this.dropped = dropped;
      this.oldest = oldest;
      this.progress = byStep("progress/");
      this.claims = byStep("claims/");
      this.graph = StoreGraph.read(store);
      markRecords();
      markUses();
      markClaims();
      markProgress();
      markManifests();
      markSetAside();
      follow();
    }

    private boolean young(ObjectStore.Listed object) {
      return object.modified().isAfter(oldest);
    }

    private void doom(Kind kind, ObjectStore.Listed object) {
      items.add(new Item(kind, object.key(), object.bytes()));
    }

    private void markRecords() {
      for (String user : dropped) {
        if (!isRecorded(user)) {
          throw PolyphonyException.config(
              "the store has no experiment "
                  + user
                  + "; polyphony list shows those that there are");
        }
      }
      Set<String> doomed = new HashSet<>();
      dropped.stream()
          .flatMap(Pruning.this::recordsOf)
          .flatMap(prefix -> store.listing(prefix).stream())
          .forEach(
              object -> {
                doomed.add(object.key());
                doom(Kind.RECORD, object);
              });
      for (String prefix : records) {
        for (String key : store.list(prefix)) {
          if (!doomed.contains(key)) {
            open.addAll(named(key));
          }
        }
      }
    }

    private Set<ArtifactRef> named(String key) {
      try {
        return References.in(Sealed.content(store.bytes(key, LARGEST)));
      } catch (MissingObjectException e) {
        return Set.of();
      } catch (IOException e) {
        throw PolyphonyException.data(
            key
                + " in the store is damaged ("
                + String.valueOf(e.getMessage()).lines().findFirst().orElse("")
                + "), so that nobody can tell what it needs: polyphony audit says what to do");
      }
    }

    private void markUses() {
      for (ObjectStore.Listed use : store.listing(StepUse.prefix(""))) {
        if (dropped.contains(StepUse.user(use.key()))) {
          if (Pruning.this.steps.claimed(StepUse.key(use.key()))) {
            throw PolyphonyException.config(
                "experiment "
                    + StepUse.user(use.key())
                    + " is being worked on: abort it, or wait for its end");
          }
          doom(Kind.USE, use);
        } else {
          keep(StepUse.key(use.key()));
        }
      }
    }

    private void markClaims() {
      claims.forEach(
          (key, generations) -> {
            if (Pruning.this.steps.claimed(key)) {
              keep(key);
            }
          });
    }

    private void markProgress() {
      progress.forEach(
          (key, commits) -> {
            if (commits.stream().anyMatch(this::young)) {
              keep(key);
            }
          });
    }

    private void markManifests() {
      for (ObjectStore.Listed object : store.listing("steps/")) {
        if (StoreGraph.isManifest(object.key()) && young(object)) {
          keep(StoreGraph.stepKey(object.key()));
        }
      }
    }

    private void markSetAside() {
      for (String prefix : List.of("steps/set-aside/", "progress/set-aside/")) {
        for (ObjectStore.Listed object : store.listing(prefix)) {
          if (young(object)) {
            try {
              open.addAll(References.in(Sealed.content(store.bytes(object.key(), LARGEST))));
            } catch (IOException | MissingObjectException e) {
              // It was set aside since nobody can read it, or is gone: it needs nothing.
            }
          } else {
            doom(Kind.SET_ASIDE, object);
          }
        }
      }
    }

    private void keep(String key) {
      if (!steps.add(key)) {
        return;
      }
      StepManifest manifest = graph.manifest(key).orElse(null);
      if (manifest != null) {
        open.addAll(References.in(manifest.inputs()));
        open.addAll(References.in(manifest.result()));
        open.addAll(manifest.outputs());
      } else if (graph.damaged().containsKey(key)) {
        throw PolyphonyException.data(
            Steps.object(key)
                + " is damaged ("
                + graph.damaged().get(key)
                + "), so that nobody can tell what it needs: run its experiment again first");
      }
      for (ObjectStore.Listed commit : progress.getOrDefault(key, List.of())) {
        open.addAll(named(commit.key()));
      }
    }

    private void follow() {
      while (!open.isEmpty()) {
        ArtifactRef next = open.remove(open.size() - 1);
        if (objects.add(next.sha256())) {
          open.addAll(graph.parts(next));
          graph.makers(next.sha256()).forEach(maker -> keep(maker.key()));
        }
      }
    }

    Plan plan() {
      for (ObjectStore.Listed object : store.listing("steps/")) {
        if (StoreGraph.isManifest(object.key())
            && !young(object)
            && !steps.contains(StoreGraph.stepKey(object.key()))) {
          doom(Kind.MANIFEST, object);
        }
      }
      doomUnlessKept(Kind.PROGRESS, progress);
      doomUnlessKept(Kind.CLAIM, claims);
      for (ObjectStore.Listed probe : store.listing(PROBES)) {
        if (!young(probe)) {
          doom(Kind.PROBE, probe);
        }
      }
      long young = 0;
      long youngBytes = 0;
      for (ObjectStore.Listed object : store.listing("objects/")) {
        if (!objects.contains(object.key().substring("objects/".length()))) {
          if (young(object)) {
            young++;
            youngBytes += object.bytes();
          } else {
            doom(Kind.OBJECT, object);
          }
        }
      }
      items.sort(Comparator.comparing(Item::kind)); // stable
      return new Plan(List.copyOf(items), young, youngBytes);
    }

    /** What is left over of steps that are finished, or that nobody is at and nobody needs. */
    private void doomUnlessKept(Kind kind, Map<String, List<ObjectStore.Listed>> byStep) {
      byStep.forEach(
          (key, found) -> {
            boolean over = !steps.contains(key) || graph.manifest(key).isPresent();
            if (over && found.stream().noneMatch(this::young)) {
              // Last first, so that what is left is a whole start.
              for (int i = found.size() - 1; i >= 0; i--) {
                doom(kind, found.get(i));
              }
            }
          });
    }

    private SortedMap<String, List<ObjectStore.Listed>> byStep(String prefix) {
      SortedMap<String, List<ObjectStore.Listed>> found = new TreeMap<>();
      for (ObjectStore.Listed object : store.listing(prefix)) {
        String[] segments = object.key().split("/", -1);
        if (segments.length == 3 && !segments[1].equals("set-aside")) {
          found.computeIfAbsent(segments[1], each -> new ArrayList<>()).add(object);
        }
      }
      return found;
    }
  }

  /** Objects that no record, step or commit names, whatever their age. */
  public List<ObjectStore.Listed> unreferenced(StoreGraph graph) {
    Set<ArtifactRef> named = new LinkedHashSet<>();
    for (StepManifest manifest : graph.manifests().values()) {
      named.addAll(manifest.outputs());
      named.addAll(References.in(manifest.inputs()));
      named.addAll(References.in(manifest.result()));
    }
    for (String prefix : List.of("progress/", "steps/set-aside/", "")) {
      List<String> keys =
          prefix.isEmpty()
              ? records.stream().flatMap(each -> store.list(each).stream()).toList()
              : store.list(prefix);
      for (String key : keys) {
        try {
          named.addAll(References.in(Sealed.content(store.bytes(key, LARGEST))));
        } catch (IOException | MissingObjectException e) {
          // The audit of its experiment says so.
        }
      }
    }
    Set<String> needed = new HashSet<>();
    graph.whole(named).forEach(each -> needed.add(each.sha256()));
    return store.listing("objects/").stream()
        .filter(object -> !needed.contains(object.key().substring("objects/".length())))
        .toList();
  }
}
