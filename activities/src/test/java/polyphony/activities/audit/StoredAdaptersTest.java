package polyphony.activities.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.StoreInFolder;
import polyphony.activities.lineage.Lineage;
import polyphony.activities.lineage.Start;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.TinyModels;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.audit.Pruning;
import polyphony.storage.audit.StoreGraph;

/** What audits, prunings and lineages say of adapters that trainings have stored. */
class StoredAdaptersTest {
  private static final AdapterConfig CONFIG =
      new AdapterConfig(2, 4, 0, new TreeSet<>(Set.of("q_proj", "up_proj")));

  @TempDir private Path folder;
  private StoreInFolder store;
  private ArtifactRef base;

  private record Trained(ArtifactRef checkpoint) {}

  @BeforeEach
  void aBaseModel() {
    store = new StoreInFolder(folder);
    base = store.model(1);
  }

  /** An experiment that has trained one adapter. */
  private ArtifactRef train(String experiment, long seed) throws Exception {
    store.store.write(
        "experiments/" + experiment + "/experiment.json",
        Sealed.seal(CanonicalJson.bytes(Map.of("name", experiment, "base", base))));
    Step step =
        new Step(
            "train-generator", 1, Map.of("start", base, "iteration", 1, "agent", 0, "seed", seed));
    store.steps.use(experiment, experiment + "/iteration-001", step);
    return store
        .steps
        .run(
            step,
            Trained.class,
            attempt -> {
              Path adapter = folder.resolve("adapter-" + seed);
              TinyModels.adapter(adapter, TinyModels.config(false), CONFIG, seed);
              return Optional.of(
                  new Trained(
                      store.checkpoints.putWithAdapter(
                          base, CONFIG, adapter.resolve(Adapter.WEIGHTS), attempt::put)));
            })
        .result()
        .orElseThrow()
        .checkpoint();
  }

  private Pruning pruning() {
    return new Pruning(
        store.store,
        store.steps,
        List.of("experiments/", "models/"),
        Clock.offset(Clock.systemUTC(), Duration.ofDays(30)));
  }

  private AuditReport audit(String experiment) {
    return ExperimentAudit.of(
        store.store,
        new HistoryArchive(store.store, store.artifacts),
        pruning(),
        Histories.none("nowhere"),
        experiment);
  }

  @Test
  void aTrainingStoresItsAdapterAlone() throws Exception {
    ArtifactRef checkpoint = train("mine", 1);
    assertThat(StoreGraph.read(store.store).manifests().values().iterator().next().outputs())
        .extracting(ArtifactRef::name)
        .containsExactlyInAnyOrder("checkpoint.json", Adapter.CONFIG, Adapter.WEIGHTS);
    Lineage.Node node =
        new Lineage(StoreGraph.read(store.store), store.checkpoints)
            .origins(new Start(null, null, checkpoint), 2)
            .node();
    assertThat(node.facts())
        .contains("LoRA of rank 2, alpha 4, on q_proj, up_proj", "base " + base.sha256());
  }

  @Test
  void aDamagedAdapterIsNamedAndMadeAnew() throws Exception {
    ArtifactRef checkpoint = train("mine", 1);
    assertThat(audit("mine").problems()).isEmpty();
    ArtifactRef weights = store.checkpoints.files(checkpoint).get(Adapter.WEIGHTS);
    byte[] whole = store.artifacts.bytes(weights);
    byte[] damaged = whole.clone();
    damaged[damaged.length - 1] ^= 1;
    store.store.delete(Artifacts.key(weights));
    store.store.write(Artifacts.key(weights), damaged);
    assertThat(audit("mine").problems())
        .singleElement()
        .satisfies(
            problem -> {
              assertThat(problem.subject())
                  .contains("adapter_model.safetensors, made by train-generator of iteration 1");
              assertThat(problem.remedy())
                  .startsWith("polyphony recompute mine " + weights.sha256().substring(0, 16));
            });
    new Healing(store.store, store.steps).heal("mine", weights.sha256().substring(0, 16));
    assertThat(train("mine", 1)).isEqualTo(checkpoint);
    assertThat(store.artifacts.bytes(weights)).isEqualTo(whole);
    assertThat(audit("mine").problems()).isEmpty();
  }

  @Test
  void aBaseIsKeptAsLongAsAnAdapterOverItIs() throws Exception {
    ArtifactRef kept = train("kept", 1);
    ArtifactRef dropped = train("dropped", 2);
    ArtifactRef own = store.checkpoints.files(dropped).get(Adapter.WEIGHTS);
    ArtifactRef shared = store.checkpoints.files(base).get("model.safetensors");
    pruning().delete(Set.of("dropped"), Duration.ofDays(7));
    assertThat(store.artifacts.present(own)).isFalse();
    assertThat(store.artifacts.present(shared)).isTrue();
    assertThat(store.checkpoints.files(kept).values()).allMatch(store.artifacts::present);
    assertThat(audit("kept").problems()).isEmpty();
    pruning().delete(Set.of("kept"), Duration.ofDays(7));
    assertThat(store.artifacts.present(shared)).isFalse();
  }
}
