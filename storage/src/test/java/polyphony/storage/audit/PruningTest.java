package polyphony.storage.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

class PruningTest {
  private static final Duration AGE = Duration.ofDays(7);

  @TempDir private Path folder;
  private FolderObjectStore store;
  private LocalCache cache;
  private Artifacts artifacts;
  private Steps steps;

  private record Text(ArtifactRef text) {}

  @BeforeEach
  void open() {
    store = new FolderObjectStore(folder.resolve("store"));
    cache = new LocalCache(folder.resolve("cache"), 1 << 20);
    artifacts = new Artifacts(store, cache);
    steps = steps(store);
  }

  @AfterEach
  void close() {
    cache.close();
    store.close();
  }

  private Steps steps(ObjectStore over) {
    return new Steps(
        over, new Artifacts(over, cache), Worker.here("cpu", Map.of()), Clock.systemUTC());
  }

  private Pruning pruning(ObjectStore over) {
    return new Pruning(over, steps(over), List.of("experiments/", "models/"), Clock.systemUTC());
  }

  private ArtifactRef put(String content) {
    return artifacts.put(content.getBytes(UTF_8), "text/plain", content + ".txt");
  }

  /** A step of an experiment, which makes a text of another one. */
  private ArtifactRef run(String experiment, String name, ArtifactRef input) throws Exception {
    Step step = new Step(name, 1, new Text(input));
    steps.use(experiment, experiment + "/iteration-000", step);
    return steps
        .run(
            step,
            Text.class,
            attempt ->
                Optional.of(
                    new Text(
                        attempt.put((name + input.name()).getBytes(UTF_8), "text/plain", name))))
        .result()
        .orElseThrow()
        .text();
  }

  private void record(String key, Object value) {
    store.write(key, Sealed.seal(CanonicalJson.bytes(value)));
  }

  /** Two experiments on the same base, of which one goes. */
  private List<ArtifactRef> twoExperiments() throws Exception {
    ArtifactRef base = put("base");
    record("models/small.json", base);
    record("experiments/kept/experiment.json", Map.of("base", base));
    record("experiments/dropped/experiment.json", Map.of("base", base));
    ArtifactRef shared = run("kept", "debate", base);
    run("dropped", "debate", base);
    ArtifactRef votes = run("kept", "vote", shared);
    ArtifactRef own = run("dropped", "split", shared);
    ArtifactRef last = run("dropped", "train", own);
    return List.of(base, shared, votes, own, last);
  }

  private void makeOld() throws Exception {
    try (Stream<Path> files = Files.walk(folder.resolve("store"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(Duration.ofDays(8))));
      }
    }
  }

  @Test
  void withoutANameOnlyWhatNobodyNeedsGoes() throws Exception {
    twoExperiments();
    ArtifactRef stray = put("stray");
    makeOld();
    put("young");
    Pruning.Plan plan = pruning(store).plan(Set.of(), AGE);
    assertThat(plan.items())
        .containsExactly(new Pruning.Item(Pruning.Kind.OBJECT, Artifacts.key(stray), 5));
    assertThat(plan.young()).isEqualTo(1);
    assertThat(store.size(Artifacts.key(stray))).as("a plan deletes nothing").isPresent();
    assertThat(pruning(store).delete(Set.of(), AGE)).isEqualTo(plan.items());
    assertThat(store.size(Artifacts.key(stray))).isEmpty();
    assertThat(pruning(store).plan(Set.of(), AGE).items()).isEmpty();
  }

  @Test
  void aDroppedExperimentGoesWithWhatOnlyItNeeded() throws Exception {
    List<ArtifactRef> made = twoExperiments();
    makeOld();
    List<Pruning.Item> deleted = pruning(store).delete(Set.of("dropped"), AGE);
    assertThat(deleted)
        .extracting(Pruning.Item::kind)
        .containsExactly(
            Pruning.Kind.RECORD,
            Pruning.Kind.USE,
            Pruning.Kind.USE,
            Pruning.Kind.USE,
            Pruning.Kind.MANIFEST,
            Pruning.Kind.MANIFEST,
            Pruning.Kind.OBJECT,
            Pruning.Kind.OBJECT);
    assertThat(made.subList(0, 3)).allMatch(artifacts::present);
    assertThat(made.subList(3, 5)).noneMatch(artifacts::present);
    assertThat(steps.manifests()).hasSize(2);
    assertThat(store.list("experiments/")).containsExactly("experiments/kept/experiment.json");
    // What the other one needs is still found there.
    run("kept", "vote", made.get(1));
    assertThat(steps.manifests()).hasSize(2);
  }

  @Test
  void whatWasWrittenWithinTheGraceAgeStays() throws Exception {
    twoExperiments();
    List<Pruning.Item> deleted = pruning(store).delete(Set.of("dropped"), AGE);
    assertThat(deleted)
        .extracting(Pruning.Item::kind)
        .containsOnly(Pruning.Kind.RECORD, Pruning.Kind.USE);
    makeOld();
    // Nobody needs it any more.
    assertThat(pruning(store).delete(Set.of(), AGE)).hasSize(4);
  }

  @Test
  void anExperimentThatIsWorkedOnIsNotDropped() throws Exception {
    ArtifactRef base = put("base");
    record("experiments/busy/experiment.json", Map.of("base", base));
    Step step = new Step("debate", 1, new Text(base));
    steps.use("busy", "busy/iteration-000", step);
    List<Throwable> refused = new ArrayList<>();
    steps.run(
        step,
        Text.class,
        attempt -> {
          attempt.commit(new Text(attempt.put(new byte[] {1, 2}, "text/plain", "segment")));
          makeOld();
          try {
            pruning(store).plan(Set.of("busy"), AGE);
          } catch (PolyphonyException e) {
            refused.add(e);
          }
          // Neither its commits nor what they name.
          assertThat(pruning(store).plan(Set.of(), AGE).items()).isEmpty();
          return Optional.of(new Text(base));
        });
    assertThat(refused)
        .singleElement()
        .satisfies(e -> assertThat(e).hasMessageContaining("busy is being worked on"));
  }

  @Test
  void commitsSetAsideAndLeftOverClaimsGoAfterTheGraceAge() throws Exception {
    ArtifactRef base = put("base");
    Step step = new Step("train", 1, new Text(base));
    steps.run(
        step,
        Text.class,
        attempt -> {
          attempt.commit(new Text(attempt.put(new byte[] {7}, "text/plain", "state")));
          return Optional.empty();
        });
    assertThat(steps.discard(step.key())).isTrue();
    assertThat(pruning(store).plan(Set.of(), AGE).items()).isEmpty();
    makeOld();
    assertThat(pruning(store).delete(Set.of(), AGE))
        .extracting(Pruning.Item::kind)
        .contains(Pruning.Kind.SET_ASIDE, Pruning.Kind.CLAIM, Pruning.Kind.OBJECT);
    assertThat(store.list("")).isEmpty();
  }

  @Test
  void aDamagedRecordStopsItSinceItHidesWhatIsNeeded() throws Exception {
    twoExperiments();
    store.write("experiments/kept/experiment.json", "{\"base\": 1".getBytes(UTF_8));
    assertThatThrownBy(() -> pruning(store).plan(Set.of(), AGE))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("experiments/kept/experiment.json");
    assertThatThrownBy(() -> pruning(store).plan(Set.of("nobody"), AGE))
        .hasMessageContaining("nobody");
  }

  @Test
  void aRunThatStartsMeanwhileKeepsWhatItReuses() throws Exception {
    List<ArtifactRef> made = twoExperiments();
    makeOld();
    // It starts when the first thing is deleted: it notes its uses and finds the manifests.
    StartingStore starting =
        new StartingStore(
            store,
            () -> {
              record("experiments/fork/experiment.json", Map.of("base", made.get(0)));
              try {
                run("fork", "debate", made.get(0));
                run("fork", "split", made.get(1));
                run("fork", "train", made.get(3));
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    pruning(starting).delete(Set.of("dropped"), AGE);
    assertThat(made).allMatch(artifacts::present);
    assertThat(steps.manifests()).hasSize(4);
  }

  @Test
  void beingKilledInTheMiddleLeavesNothingThatNamesWhatIsGone() throws Exception {
    twoExperiments();
    makeOld();
    int all = pruning(store).plan(Set.of("dropped"), AGE).items().size();
    for (int kill = 0; kill < all - 1; kill++) {
      KilledStore killed = new KilledStore(store, 1);
      assertThatThrownBy(() -> pruning(killed).delete(dropped(), AGE)).hasMessage("killed");
      assertThat(StoreGraph.read(store).manifests().values())
          .allSatisfy(manifest -> assertThat(manifest.outputs()).allMatch(artifacts::present));
    }
    pruning(store).delete(dropped(), AGE);
    assertThat(steps.manifests()).hasSize(2);
    assertThat(store.list("objects/")).hasSize(3);
  }

  private Set<String> dropped() {
    return store.list("experiments/dropped/").isEmpty()
            && store.list(StepUse.prefix("dropped")).isEmpty()
        ? Set.of()
        : Set.of("dropped");
  }

  /** Passes everything on. */
  private abstract static class PassingStore implements ObjectStore {
    final ObjectStore store;

    PassingStore(ObjectStore store) {
      this.store = store;
    }

    @Override
    public Optional<Long> size(String key) {
      return store.size(key);
    }

    @Override
    public InputStream read(String key) {
      return store.read(key);
    }

    @Override
    public void write(String key, Path file) {
      store.write(key, file);
    }

    @Override
    public void write(String key, byte[] content) {
      store.write(key, content);
    }

    @Override
    public boolean writeIfAbsent(String key, byte[] content) {
      return store.writeIfAbsent(key, content);
    }

    @Override
    public List<Listed> listing(String prefix) {
      return store.listing(prefix);
    }

    @Override
    public void close() {}
  }

  /** Something happens between the marking and the first look before a batch. */
  private static final class StartingStore extends PassingStore {
    private final Runnable start;
    private int listings;

    StartingStore(ObjectStore store, Runnable start) {
      super(store);
      this.start = start;
    }

    @Override
    public List<Listed> listing(String prefix) {
      List<Listed> found = store.listing(prefix);
      if (prefix.equals("objects/") && listings++ == 0) {
        start.run();
      }
      return found;
    }

    @Override
    public void delete(String key) {
      store.delete(key);
    }
  }

  private static final class KilledStore extends PassingStore {
    private int left;

    KilledStore(ObjectStore store, int left) {
      super(store);
      this.left = left;
    }

    @Override
    public void delete(String key) {
      if (left-- == 0) {
        throw new IllegalStateException("killed");
      }
      store.delete(key);
    }
  }
}
