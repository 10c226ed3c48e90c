package polyphony.storage;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The few calls that a local folder and any S3 endpoint have in common.
 *
 * <p>Keys look like {@code objects/ab12}: segments of ASCII letters, digits, dot, underscore and
 * hyphen, none empty, none starting with a dot or hyphen, joined by single slashes, at most 512
 * characters in all. No key is a folder of another one ({@code a} beside {@code a/b}).
 *
 * <p>A reader sees an object whole or not at all, whatever happens to its writer. Writers and
 * readers may be any number of threads and processes.
 *
 * <p>Errors are {@link PolyphonyException}: CONFIG where settings must change (credentials, a
 * missing bucket, a path that is no writable folder), INFRASTRUCTURE where a retry can help (disk
 * full, unreachable endpoint), DATA for a key outside the syntax or, as {@link
 * MissingObjectException}, an object that is not there. No message holds credentials.
 */
public interface ObjectStore extends AutoCloseable {

  /** Size in bytes, or empty if there is no such object. */
  Optional<Long> size(String key);

  /** Opens an object. Reading the stream throws {@link IOException} where the store fails later. */
  InputStream read(String key);

  /** Writes or replaces an object, atomically and durably. */
  void write(String key, Path file);

  /** Writes or replaces an object, atomically and durably. */
  void write(String key, byte[] content);

  /**
   * Writes an object unless one of this key exists.
   *
   * <p>An endpoint may store an object and lose the answer on its way, so that the client's second
   * try meets its own first one. Therefore: a writer who must know that it was itself puts an id of
   * its own into the content.
   *
   * @return whether the object now holds exactly this content
   */
  boolean writeIfAbsent(String key, byte[] content);

  /**
   * An object as a listing shows it.
   *
   * @param modified when it was last written, by the store's clock
   */
  record Listed(String key, long bytes, Instant modified) {}

  /** All objects with this prefix, by key. The prefix is empty, or a key, or a key and a slash. */
  List<Listed> listing(String prefix);

  /** The keys of {@link #listing}. */
  default List<String> list(String prefix) {
    return listing(prefix).stream().map(Listed::key).toList();
  }

  /** Deletes an object; there being none is no error. */
  void delete(String key);

  @Override
  void close();

  /**
   * Reads a whole small object.
   *
   * @param maxBytes a larger object is refused (DATA): what is read here came from outside
   */
  default byte[] bytes(String key, int maxBytes) {
    try (InputStream stream = read(key)) {
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 16];
      for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
        if (count > maxBytes - content.size()) {
          throw PolyphonyException.data(
              "the object " + key + " is larger than the " + maxBytes + " bytes allowed for it");
        }
        content.write(buffer, 0, count);
      }
      return content.toByteArray();
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "reading the object " + key + " broke off (" + e.getMessage() + "): run again", e);
    }
  }
}
