package polyphony.workers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.storage.PolyphonyException;

/** The store's records, for who only looks: opened when first asked for, and never made. */
final class StoredExperiments implements AutoCloseable {
  private final Settings settings;
  private final Path folder;
  private StoreAccess access;

  /**
   * @param folder used where the settings name no S3 endpoint
   */
  StoredExperiments(Settings settings, Path folder) {
    this.settings = settings;
    this.folder = folder;
  }

  /**
   * @return empty where the folder is not there
   * @throws polyphony.storage.PolyphonyException where the store cannot be opened
   */
  Optional<ExperimentRecords> records() {
    if (access == null) {
      if (settings.s3().isEmpty() && !Files.exists(folder)) {
        return Optional.empty();
      }
      access = StoreAccess.open(settings, folder);
    }
    return Optional.of(new ExperimentRecords(access.objects()));
  }

  /**
   * The store itself, for who only looks.
   *
   * @param folder used where the settings name no S3 endpoint
   * @throws PolyphonyException CONFIG where the folder is not there
   */
  static StoreAccess existing(Settings settings, Path folder) {
    if (settings.s3().isEmpty() && !Files.exists(folder)) {
      throw PolyphonyException.config(
          "there is no store " + folder + "; name its folder with --store");
    }
    return StoreAccess.open(settings, folder);
  }

  /** Where the records are looked for. */
  @Override
  public String toString() {
    return settings.s3().map(Object::toString).orElse("the folder " + folder);
  }

  @Override
  public void close() {
    if (access != null) {
      access.close();
    }
  }
}
