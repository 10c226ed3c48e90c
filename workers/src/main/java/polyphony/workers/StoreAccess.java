package polyphony.workers;

import java.nio.file.Path;
import java.util.Optional;
import polyphony.activities.Checkpoints;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.resolve.ModelRegistry;
import polyphony.activities.resolve.ResolveStep;
import polyphony.activities.resolve.SpecCompletion;
import polyphony.activities.resolve.StoredModels;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.ObjectStore;
import polyphony.storage.S3ObjectStore;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;

/**
 * A store that is open, with what reads through it on this machine.
 *
 * @param objects the backend
 * @param artifacts verified access to it
 * @param models base models by name
 * @param work a folder of this machine for copies and for files on their way
 */
record StoreAccess(
    ObjectStore objects, LocalCache cache, Artifacts artifacts, ModelRegistry models, Path work)
    implements AutoCloseable {
  /** Hundreds of checkpoints of a small model, a few of a large one. */
  private static final long CACHE_BYTES = 20L << 30;

  /**
   * Opens the S3 store that the settings name, or else the folder.
   *
   * @throws polyphony.storage.PolyphonyException CONFIG where it cannot be used; INFRASTRUCTURE
   *     where the disk is full or the endpoint does not answer
   */
  static StoreAccess open(Settings settings, Path folder) {
    boolean local = settings.s3().isEmpty();
    // Beside the objects, so that files can be linked instead of copied.
    Path work = local ? StoreFolder.checked(folder).resolve(".work") : userCache();
    ObjectStore objects =
        local ? new FolderObjectStore(folder) : new S3ObjectStore(settings.s3().orElseThrow());
    LocalCache cache = new LocalCache(work.resolve("cache"), CACHE_BYTES);
    Artifacts artifacts = new Artifacts(objects, cache);
    return new StoreAccess(
        objects,
        cache,
        artifacts,
        new ModelRegistry(objects, artifacts, work.resolve("scratch")),
        work);
  }

  /**
   * The same with another backend; its cache and folder are shared, so that this must stay open.
   */
  StoreAccess over(ObjectStore other) {
    Artifacts through = new Artifacts(other, cache);
    return new StoreAccess(
        other, cache, through, new ModelRegistry(other, through, work.resolve("scratch")), work);
  }

  /** Questions by name. */
  DataRegistry data() {
    return new DataRegistry(objects, artifacts);
  }

  /** Every model of the store by what a person calls it. */
  StoredModels storedModels() {
    return new StoredModels(objects, artifacts, checkpoints(), models);
  }

  Checkpoints checkpoints() {
    return new Checkpoints(artifacts, work);
  }

  /**
   * Fills in a spec's open fields as the experiment itself will.
   *
   * @throws polyphony.storage.PolyphonyException CONFIG where the base model is not there, or where
   *     the experiment is recorded with another spec
   */
  ExperimentSpec complete(ExperimentSpec asked) {
    ExperimentRecords experiments = new ExperimentRecords(objects);
    Optional<Experiment> recorded =
        Optional.ofNullable(asked.experiment()).flatMap(experiments::experiment);
    if (recorded.isPresent()) {
      return ResolveStep.continued(recorded.get(), asked).spec();
    }
    return new SpecCompletion(checkpoints(), models, data(), experiments).complete(asked);
  }

  private static Path userCache() {
    return Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
        .filter(each -> !each.isBlank())
        .map(Path::of)
        .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
        .resolve("polyphony");
  }

  @Override
  public void close() {
    cache.close();
    objects.close();
  }
}
