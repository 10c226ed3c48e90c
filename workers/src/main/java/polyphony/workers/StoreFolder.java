package polyphony.workers;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import polyphony.storage.PolyphonyException;

/** The local folder of the store, checked before a run begins rather than after its first hour. */
final class StoreFolder {
  static final String DEFAULT = "polyphony-store";
  static final String DESCRIPTION =
      "Where artifacts and finished steps lie (default: ${DEFAULT-VALUE}).";

  /**
   * Less free space than this is not worth starting with: a few checkpoints of the smallest model.
   */
  static final long MINIMUM_FREE_BYTES = 64L << 20;

  private StoreFolder() {}

  /**
   * Makes sure that {@code folder} is there and can be written.
   *
   * @throws PolyphonyException CONFIG where it cannot be a store; INFRASTRUCTURE where its disk is
   *     full
   */
  static Path checked(Path folder) {
    Path absolute = folder.toAbsolutePath().normalize();
    try {
      Files.createDirectories(absolute);
    } catch (FileAlreadyExistsException e) {
      throw PolyphonyException.config(
          "store " + e.getFile() + " is a file, not a folder; name another folder with --store");
    } catch (IOException e) {
      throw notWritable(absolute, e);
    }
    long free;
    try {
      free = Files.getFileStore(absolute).getUsableSpace();
    } catch (IOException e) {
      throw notWritable(absolute, e);
    }
    if (free < MINIMUM_FREE_BYTES) {
      throw full(absolute, free);
    }
    try {
      Path probe = Files.createTempFile(absolute, ".probe", "");
      Files.delete(probe);
    } catch (IOException e) {
      throw notWritable(absolute, e);
    }
    return absolute;
  }

  static PolyphonyException full(Path folder, long free) {
    return PolyphonyException.infrastructure(
        "the disk of store "
            + folder
            + " is full ("
            + (free >> 20)
            + " MiB free, at least "
            + (MINIMUM_FREE_BYTES >> 20)
            + " MiB are needed); free some space or name another folder with --store",
        null);
  }

  private static PolyphonyException notWritable(Path folder, IOException e) {
    return PolyphonyException.config(
        "store "
            + folder
            + " is not writable ("
            + e.getClass().getSimpleName()
            + "); change its permissions or name another folder with --store");
  }
}
