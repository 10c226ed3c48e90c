package polyphony.storage;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Verified local copies of artifacts, one file each, named by its hash; when room is needed, the
 * least recently used ones go first.
 *
 * <p>Any number of processes may share the folder, each with one {@code LocalCache}. A file that is
 * pinned by anyone is not removed: pins are shared locks on one byte of a lock file, so that they
 * end with the process that holds them.
 */
public final class LocalCache implements AutoCloseable {
  private static final Duration ABANDONED = Duration.ofDays(1);
  private static final String TEMPORARY_SUFFIX = ".part";

  private final Path folder;
  private final long maxBytes;
  private final FileChannel locks;
  private final Map<String, Entry> entries = new HashMap<>();

  private static final class Entry {
    int pins;
    FileLock lock;
    // The file (by its identity on disk) that this process has verified.
    Object verified;
  }

  /** A local file that stays where it is until it is closed. For reading only. */
  public final class Pinned implements AutoCloseable {
    private final ArtifactRef artifact;
    private final Path path;
    private boolean open = true;

    private Pinned(ArtifactRef artifact, Path path) {
      this.artifact = artifact;
      this.path = path;
    }

    public Path path() {
      return path;
    }

    @Override
    public void close() {
      synchronized (LocalCache.this) {
        if (open) {
          open = false;
          unpin(artifact.sha256());
        }
      }
    }
  }

  /**
   * @param maxBytes what the files may take together; pinned ones count, and a file that does not
   *     fit beside them is refused
   */
  public LocalCache(Path folder, long maxBytes) {
    this.folder = folder.toAbsolutePath().normalize();
    this.maxBytes = maxBytes;
    try {
      Files.createDirectories(this.folder);
      this.locks =
          FileChannel.open(
              this.folder.resolve("locks"),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      deleteAbandoned();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.CONFIG,
          "the local cache "
              + this.folder
              + " cannot be used ("
              + e
              + "): choose a folder you may write to",
          e);
    }
  }

  /**
   * Returns a verified, pinned copy, fetching it if it is not here or not intact.
   *
   * @param source opens the artifact in its store
   */
  Pinned open(ArtifactRef artifact, Supplier<InputStream> source) {
    Entry entry = pin(artifact.sha256());
    Path path = folder.resolve(artifact.sha256());
    try {
      // One fetch at a time for one artifact; two processes may fetch twice, and the same bytes
      // win.
      synchronized (entry) {
        if (!intact(artifact, path, entry)) {
          fetch(artifact, source, path);
          entry.verified = identity(path);
        }
        Files.setLastModifiedTime(path, FileTime.from(Instant.now()));
      }
      return new Pinned(artifact, path);
    } catch (IOException e) {
      unpin(artifact.sha256());
      throw PolyphonyException.infrastructure(
          "the local cache " + folder + " failed (" + e + "): check its disk and run again", e);
    } catch (RuntimeException | Error e) {
      unpin(artifact.sha256());
      throw e;
    }
  }

  /** Ends this process's pins on what it has open. */
  @Override
  public void close() {
    try {
      locks.close();
    } catch (IOException e) {
      throw PolyphonyException.infrastructure("closing the local cache " + folder + " failed", e);
    }
  }

  @Override
  public String toString() {
    return "the local cache " + folder;
  }

  private boolean intact(ArtifactRef artifact, Path path, Entry entry) throws IOException {
    try {
      if (Files.size(path) != artifact.bytes()) {
        return false;
      }
      Object identity = identity(path);
      if (!identity.equals(entry.verified)) {
        if (!Sha256.of(path).equals(artifact.sha256())) {
          return false;
        }
        entry.verified = identity;
      }
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /** What changes when another file takes this one's place: its inode, where there is one. */
  private static Object identity(Path path) throws IOException {
    Object key = Files.readAttributes(path, "fileKey").get("fileKey");
    return key == null ? path : key;
  }

  private void fetch(ArtifactRef artifact, Supplier<InputStream> source, Path path)
      throws IOException {
    makeRoom(artifact);
    Path part = folder.resolve(UUID.randomUUID() + TEMPORARY_SUFFIX);
    try {
      try (InputStream stream = source.get()) {
        Artifacts.copyVerified(artifact, stream, part);
      }
      Files.move(part, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private record CachedFile(Path path, long bytes, FileTime used) {}

  private synchronized void makeRoom(ArtifactRef artifact) throws IOException {
    List<CachedFile> files = files();
    long used = files.stream().mapToLong(CachedFile::bytes).sum();
    for (CachedFile file : files) {
      if (used + artifact.bytes() <= maxBytes) {
        break;
      }
      if (removeUnlessPinned(file.path())) {
        used -= file.bytes();
      }
    }
    if (used + artifact.bytes() > maxBytes) {
      throw PolyphonyException.config(
          this
              + " is too small: "
              + artifact.name()
              + " needs "
              + artifact.bytes()
              + " bytes beside the "
              + used
              + " bytes in use, and "
              + maxBytes
              + " are allowed; raise its limit");
    }
    long free = Files.getFileStore(folder).getUsableSpace();
    if (artifact.bytes() > free) {
      throw PolyphonyException.infrastructure(
          "the disk of "
              + this
              + " is full: "
              + artifact.name()
              + " needs "
              + artifact.bytes()
              + " bytes and "
              + free
              + " are free; make room and run again",
          null);
    }
  }

  /** Everything that takes room here, least recently used first. */
  private List<CachedFile> files() throws IOException {
    List<CachedFile> files = new ArrayList<>();
    try (Stream<Path> paths = Files.list(folder)) {
      for (Path path : paths.toList()) {
        try {
          if (!path.getFileName().toString().equals("locks")) {
            files.add(new CachedFile(path, Files.size(path), Files.getLastModifiedTime(path)));
          }
        } catch (NoSuchFileException e) {
          // Another process made room or finished a fetch.
        }
      }
    }
    files.sort(Comparator.comparing(CachedFile::used).thenComparing(CachedFile::path));
    return files;
  }

  private boolean removeUnlessPinned(Path path) throws IOException {
    String sha256 = path.getFileName().toString();
    Entry entry = entries.get(sha256);
    if (sha256.endsWith(TEMPORARY_SUFFIX) || (entry != null && entry.pins > 0)) {
      return false;
    }
    try (FileLock lock = locks.tryLock(position(sha256), 1, false)) {
      if (lock == null) {
        return false;
      }
      entries.remove(sha256);
      Files.deleteIfExists(path);
      return true;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  private synchronized Entry pin(String sha256) {
    Entry entry = entries.computeIfAbsent(sha256, unused -> new Entry());
    if (entry.pins == 0) {
      try {
        // Not lock(): interrupting its thread would close the channel, and with it every pin.
        do {
          entry.lock = locks.tryLock(position(sha256), 1, true);
          if (entry.lock == null) {
            // Another process is removing the file, which takes no time.
            LockSupport.parkNanos(1_000_000);
          }
        } while (entry.lock == null);
      } catch (OverlappingFileLockException e) {
        // A second cache on this folder in this process: its pin is as good.
        entry.lock = null;
      } catch (IOException e) {
        throw PolyphonyException.infrastructure(
            this + " cannot be locked (" + e.getMessage() + "): use a folder on a local disk", e);
      }
    }
    entry.pins++;
    return entry;
  }

  private synchronized void unpin(String sha256) {
    Entry entry = entries.get(sha256);
    entry.pins--;
    if (entry.pins == 0 && entry.lock != null) {
      try {
        if (entry.lock.isValid()) {
          entry.lock.release();
        }
      } catch (IOException e) {
        throw PolyphonyException.infrastructure("unlocking in " + this + " failed", e);
      }
      entry.lock = null;
    }
  }

  private static long position(String sha256) {
    return Long.parseUnsignedLong(sha256.substring(0, 15), 16);
  }

  private void deleteAbandoned() throws IOException {
    Instant oldest = Instant.now().minus(ABANDONED);
    for (CachedFile file : files()) {
      if (file.path().toString().endsWith(TEMPORARY_SUFFIX)
          && file.used().toInstant().isBefore(oldest)) {
        Files.deleteIfExists(file.path());
      }
    }
  }
}
