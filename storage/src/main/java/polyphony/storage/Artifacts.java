package polyphony.storage;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Optional;

/**
 * Artifacts, kept under the SHA-256 of their content at {@code objects/<sha256>}. Everything read
 * is checked against that hash; an object that does not match it is a DATA error.
 */
public final class Artifacts {
  private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

  private final ObjectStore store;
  private final LocalCache cache;

  public Artifacts(ObjectStore store, LocalCache cache) {
    this.store = store;
    this.cache = cache;
  }

  /** Where the content of an artifact lies in the store. */
  public static String key(ArtifactRef artifact) {
    return "objects/" + artifact.sha256();
  }

  public ArtifactRef put(byte[] content, String mediaType, String name) {
    ArtifactRef artifact = new ArtifactRef(Sha256.of(content), content.length, mediaType, name);
    if (!present(artifact)) {
      store.write(key(artifact), content);
    }
    return artifact;
  }

  /** Stores a file that must not change meanwhile. Content that is already there is not sent. */
  public ArtifactRef put(Path file, String mediaType, String name) {
    ArtifactRef artifact;
    try {
      artifact = new ArtifactRef(Sha256.of(file), Files.size(file), mediaType, name);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "cannot read " + file + " (" + e.getMessage() + "): check the disk and run again", e);
    }
    if (!present(artifact)) {
      store.write(key(artifact), file);
    }
    return artifact;
  }

  /** Whether an object of this hash and size is in the store. Its content is not read. */
  public boolean present(ArtifactRef artifact) {
    return store.size(key(artifact)).equals(Optional.of(artifact.bytes()));
  }

  /** Whether there is an object of this name, but with another content. The whole of it is read. */
  public boolean damaged(ArtifactRef artifact) {
    if (store.size(key(artifact)).isEmpty()) {
      return false;
    }
    if (!present(artifact)) {
      return true;
    }
    try (InputStream stream = store.read(key(artifact))) {
      return !Sha256.of(stream).equals(artifact.sha256());
    } catch (MissingObjectException e) {
      return false;
    } catch (IOException e) {
      throw brokenOff(artifact, e);
    }
  }

  /** The whole content, verified. For what fits into one array; use {@link #file} for the rest. */
  public byte[] bytes(ArtifactRef artifact) {
    if (artifact.bytes() > LARGEST_ARRAY) {
      throw PolyphonyException.data(
          artifact.name() + " has " + artifact.bytes() + " bytes, too many to be read at once");
    }
    try (InputStream stream = store.read(key(artifact))) {
      ByteArrayOutputStream content =
          new ByteArrayOutputStream((int) Math.min(artifact.bytes(), 1 << 20));
      copyVerified(artifact, stream, content);
      return content.toByteArray();
    } catch (IOException e) {
      throw brokenOff(artifact, e);
    }
  }

  /**
   * A verified local copy, for reading only. It stays at least until the cache needs its room for
   * something else; {@link #open} holds it longer.
   */
  public Path file(ArtifactRef artifact) {
    try (LocalCache.Pinned file = open(artifact)) {
      return file.path();
    }
  }

  /** A verified local copy, for reading only, that stays until it is closed. */
  public LocalCache.Pinned open(ArtifactRef artifact) {
    return cache.open(artifact, () -> store.read(key(artifact)));
  }

  static void copyVerified(ArtifactRef artifact, InputStream source, Path target)
      throws IOException {
    try (OutputStream out = Files.newOutputStream(target)) {
      copyVerified(artifact, source, out);
    }
  }

  private static void copyVerified(ArtifactRef artifact, InputStream source, OutputStream target)
      throws IOException {
    MessageDigest digest = Sha256.digest();
    byte[] buffer = new byte[1 << 16];
    long bytes = 0;
    for (int count = read(artifact, source, buffer);
        count >= 0 && bytes <= artifact.bytes();
        count = read(artifact, source, buffer)) {
      bytes += count;
      if (bytes <= artifact.bytes()) {
        digest.update(buffer, 0, count);
        target.write(buffer, 0, count);
      }
    }
    if (bytes != artifact.bytes() || !Sha256.hex(digest.digest()).equals(artifact.sha256())) {
      throw PolyphonyException.data(
          "the object "
              + key(artifact)
              + " ("
              + artifact.name()
              + ") in the store is damaged: its content does not have this hash and "
              + artifact.bytes()
              + " bytes; polyphony recompute EXPERIMENT "
              + artifact.sha256().substring(0, 16)
              + " takes it away, and to run again then makes it anew");
    }
  }

  private static int read(ArtifactRef artifact, InputStream source, byte[] buffer) {
    try {
      return source.read(buffer);
    } catch (IOException e) {
      throw brokenOff(artifact, e);
    }
  }

  private static PolyphonyException brokenOff(ArtifactRef artifact, IOException cause) {
    return PolyphonyException.infrastructure(
        "reading "
            + key(artifact)
            + " ("
            + artifact.name()
            + ") broke off ("
            + cause.getMessage()
            + "): run again",
        cause);
  }
}
