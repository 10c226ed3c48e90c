package polyphony.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A folder for files on their way somewhere; gone, with all that is in it, when it is closed. */
public final class TemporaryFolder implements AutoCloseable {
  private final Path path;

  /**
   * Makes one.
   *
   * @param parent made where it is absent
   * @throws PolyphonyException INFRASTRUCTURE where it cannot be made
   */
  public TemporaryFolder(Path parent, String prefix) {
    try {
      Files.createDirectories(parent);
      path = Files.createTempDirectory(parent, prefix);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          parent + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }

  public Path path() {
    return path;
  }

  /** Deletes a folder with all that is in it; where there is none, does nothing. */
  public static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          folder + ": cannot be deleted (" + e.getMessage() + ")", e);
    }
  }

  @Override
  public void close() {
    delete(path);
  }
}
