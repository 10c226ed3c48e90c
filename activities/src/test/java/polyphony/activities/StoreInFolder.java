package polyphony.activities;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.TinyModels;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

/** Everything that steps stand on, in one folder. */
public final class StoreInFolder {
  public final Path folder;
  public final FolderObjectStore store;
  public final Artifacts artifacts;
  public final Steps steps;
  public final Checkpoints checkpoints;

  public StoreInFolder(Path folder) {
    this.folder = folder;
    this.store = new FolderObjectStore(folder.resolve("store"));
    this.artifacts = new Artifacts(store, new LocalCache(folder.resolve("cache"), 1L << 30));
    this.steps =
        new Steps(
            store,
            artifacts,
            Worker.here("cpu", Map.of()),
            Clock.systemUTC(),
            new Steps.Timing(
                Duration.ofSeconds(60), Duration.ofSeconds(15), Duration.ofMillis(10)));
    this.checkpoints = new Checkpoints(artifacts, folder.resolve("opened"));
  }

  /** A tiny model whose weights follow from the seed. */
  public ArtifactRef model(long seed) {
    Path model = folder.resolve("model-" + seed);
    TinyModels.random(model, TinyModels.config(false), seed);
    return Checkpoints.put(model, artifacts::put);
  }

  /** An adapter over a model, of every linear layer, whose weights follow from the seed. */
  public ArtifactRef adapter(ArtifactRef base, long seed) {
    DecoderConfig config = checkpoints.decoderConfig(base);
    AdapterConfig shape = new AdapterConfig(2, 4, 0, config.linearLayers());
    Path adapter = folder.resolve("adapter-" + seed);
    TinyModels.adapter(adapter, config, shape, seed);
    return checkpoints.putWithAdapter(
        base, shape, adapter.resolve(Adapter.WEIGHTS), artifacts::put);
  }

  public ArtifactRef lines(List<?> values) {
    return artifacts.put(JsonLines.write(values), JsonLines.MEDIA_TYPE, "lines.jsonl");
  }
}
