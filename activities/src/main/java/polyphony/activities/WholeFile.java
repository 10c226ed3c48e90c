package polyphony.activities;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;

/** A file for other programs that is there whole or not at all. */
public final class WholeFile {
  private WholeFile() {}

  /**
   * Writes it, in place of what was there. Who may read it is decided by this process's umask, as
   * for any new file.
   *
   * @param file in a folder that is there
   */
  public static void write(InputStream content, Path file) throws IOException {
    // Beside it, so that it can be renamed; not a temporary file, which nobody else could read; and
    // called like nothing that a program would look for.
    Path partial = file.resolveSibling("." + UUID.randomUUID() + ".partial");
    try {
      Files.copy(content, partial);
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(partial);
    }
  }
}
