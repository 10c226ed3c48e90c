package polyphony.workers;

import java.util.List;
import java.util.TreeSet;
import polyphony.activities.lm.AdapterConfig;
import polyphony.storage.ArtifactRef;

/**
 * The adapter of a model in the store, as {@code --json} prints it.
 *
 * @param base its name, or its checkpoint's SHA-256 where it has none
 */
record ModelAdapter(int rank, double alpha, List<String> targets, String base) {
  /** Null where the model has none. */
  static ModelAdapter of(ArtifactRef checkpoint, StoreAccess access) {
    AdapterConfig config = access.checkpoints().adapterConfig(checkpoint).orElse(null);
    if (config == null) {
      return null;
    }
    ArtifactRef base = access.checkpoints().base(checkpoint);
    return new ModelAdapter(
        config.rank(),
        config.alpha(),
        List.copyOf(config.targets()),
        access.models().nameOf(base).orElse(base.sha256()));
  }

  /** In words. */
  String shown() {
    String name = base.length() == 64 ? base.substring(0, 16) : base;
    return new AdapterConfig(rank, alpha, 0, new TreeSet<>(targets)).shown() + ", over " + name;
  }
}
