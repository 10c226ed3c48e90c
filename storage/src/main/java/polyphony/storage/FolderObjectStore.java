package polyphony.storage;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Objects as plain files below one folder: {@code objects/ab12} is the file of that relative path.
 *
 * <p>Every write goes to a temporary file of the same file system, is forced to the disk and then
 * moved into place in one step. {@link #writeIfAbsent} uses a hard link, which either appears whole
 * or fails because the name is taken. A file system without hard links is refused when the store is
 * opened, since nothing else there is atomic.
 */
public final class FolderObjectStore implements ObjectStore {
  private static final String TEMPORARY = ".temporary";
  private static final Duration ABANDONED = Duration.ofDays(1);
  private static final int PLACING_ATTEMPTS = 20;

  private final Path root;
  private final Path temporary;

  /** Opens the store, making the folder if it is not there. */
  public FolderObjectStore(Path root) {
    this.root = root.toAbsolutePath().normalize();
    this.temporary = this.root.resolve(TEMPORARY);
    try {
      Files.createDirectories(temporary);
      deleteAbandoned();
      probe();
    } catch (IOException e) {
      throw failure("open it", e);
    }
  }

  @Override
  public Optional<Long> size(String key) {
    Path file = file(key);
    try {
      return Files.isRegularFile(file) ? Optional.of(Files.size(file)) : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw failure("look at " + key, e);
    }
  }

  @Override
  public InputStream read(String key) {
    Path file = file(key);
    if (!Files.isRegularFile(file)) {
      throw new MissingObjectException(key, toString());
    }
    try {
      return Files.newInputStream(file);
    } catch (NoSuchFileException e) {
      throw new MissingObjectException(key, toString());
    } catch (IOException e) {
      throw failure("read " + key, e);
    }
  }

  @Override
  public void write(String key, Path file) {
    Path target = file(key);
    Path written = temporary.resolve(UUID.randomUUID().toString());
    try {
      long size = Files.size(file);
      long free = Files.getFileStore(temporary).getUsableSpace();
      if (size > free) {
        throw PolyphonyException.infrastructure(
            "the disk of "
                + this
                + " is full: "
                + key
                + " needs "
                + size
                + " bytes and "
                + free
                + " are free; make room and run again",
            null);
      }
      try {
        Files.copy(file, written);
        force(written);
        move(written, target);
      } finally {
        Files.deleteIfExists(written);
      }
    } catch (IOException e) {
      throw failure("write " + key, e);
    }
  }

  @Override
  public void write(String key, byte[] content) {
    Path target = file(key);
    Path written = temporary.resolve(UUID.randomUUID().toString());
    try {
      try {
        create(written, content);
        move(written, target);
      } finally {
        Files.deleteIfExists(written);
      }
    } catch (IOException e) {
      throw failure("write " + key, e);
    }
  }

  @Override
  public boolean writeIfAbsent(String key, byte[] content) {
    Path target = file(key);
    Path written = temporary.resolve(UUID.randomUUID().toString());
    try {
      try {
        create(written, content);
        place(target, () -> Files.createLink(target, written));
        return true;
      } catch (FileAlreadyExistsException e) {
        return holds(key, content);
      } finally {
        Files.deleteIfExists(written);
      }
    } catch (UnsupportedOperationException e) {
      throw withoutHardLinks(e);
    } catch (IOException e) {
      throw failure("write " + key, e);
    }
  }

  @Override
  public List<Listed> listing(String prefix) {
    ObjectKey.checkedPrefix(prefix);
    Path folder = root.resolve(prefix.substring(0, prefix.lastIndexOf('/') + 1));
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> !file.startsWith(temporary))
          .map(file -> listed(file, prefix))
          .flatMap(Optional::stream)
          .sorted(Comparator.comparing(Listed::key))
          .toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (UncheckedIOException e) {
      // A folder that was emptied and removed while it was walked: what is left can be listed.
      if (e.getCause() instanceof NoSuchFileException) {
        return listing(prefix);
      }
      throw failure("list " + prefix, e.getCause());
    } catch (IOException e) {
      throw failure("list " + prefix, e);
    }
  }

  /** Nothing for folders, for other keys, and for what was deleted meanwhile. */
  private Optional<Listed> listed(Path file, String prefix) {
    String key = root.relativize(file).toString().replace('\\', '/');
    if (!key.startsWith(prefix)) {
      return Optional.empty();
    }
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.isRegularFile()
          ? Optional.of(
              new Listed(key, attributes.size(), attributes.lastModifiedTime().toInstant()))
          : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void delete(String key) {
    Path file = file(key);
    try {
      Files.deleteIfExists(file);
      // Folders that became empty would pile up, two for every step.
      for (Path folder = file.getParent();
          !folder.equals(root) && !folder.getParent().equals(root);
          folder = folder.getParent()) {
        Files.deleteIfExists(folder);
      }
    } catch (DirectoryNotEmptyException | NotDirectoryException e) {
      // Other objects live there.
    } catch (IOException e) {
      throw failure("delete " + key, e);
    }
  }

  @Override
  public void close() {}

  @Override
  public String toString() {
    return "the folder " + root;
  }

  private Path file(String key) {
    return root.resolve(ObjectKey.checked(key));
  }

  private boolean holds(String key, byte[] content) {
    if (!size(key).equals(Optional.of((long) content.length))) {
      return false;
    }
    try {
      return Arrays.equals(bytes(key, content.length), content);
    } catch (MissingObjectException e) {
      return false;
    }
  }

  private static void create(Path file, byte[] content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer buffer = ByteBuffer.wrap(content);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(true);
    }
  }

  private static void force(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private void move(Path written, Path target) throws IOException {
    place(target, () -> Files.move(written, target, StandardCopyOption.ATOMIC_MOVE));
  }

  private interface Placing {
    Path run() throws IOException;
  }

  /** Makes the target's folder and puts the file there; {@link #delete} may remove it between. */
  private void place(Path target, Placing placing) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        makeFolder(target.getParent());
        placing.run();
        break;
      } catch (NoSuchFileException e) {
        if (attempt == PLACING_ATTEMPTS) {
          throw e;
        }
      }
    }
    // A name is durable once its folder is; Windows has no such call and needs none.
    if (root.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      try (FileChannel folder = FileChannel.open(target.getParent(), StandardOpenOption.READ)) {
        folder.force(true);
      } catch (NoSuchFileException e) {
        // Deleted again by somebody else: there is nothing left to make durable.
      }
    }
  }

  private static void makeFolder(Path folder) throws IOException {
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException e) {
      // Either a file has the folder's name, or the folder was there and is just being removed.
      if (Files.isRegularFile(Path.of(e.getFile()))) {
        throw new NotDirectoryException(e.getFile());
      }
      throw new NoSuchFileException(e.getFile());
    }
  }

  /** Temporary files are left behind by killed processes only. */
  private void deleteAbandoned() throws IOException {
    Instant oldest = Instant.now().minus(ABANDONED);
    try (Stream<Path> files = Files.list(temporary)) {
      for (Path file : files.toList()) {
        try {
          if (Files.getLastModifiedTime(file).toInstant().isBefore(oldest)) {
            Files.deleteIfExists(file);
          }
        } catch (NoSuchFileException e) {
          // Its writer, or another process that opens the store, was faster.
        }
      }
    }
  }

  /** Finds out now, not hours into a run, whether files and hard links can be made here. */
  private void probe() throws IOException {
    Path file = temporary.resolve(UUID.randomUUID().toString());
    Path link = temporary.resolve(UUID.randomUUID().toString());
    try {
      create(file, new byte[0]);
      try {
        Files.createLink(link, file);
      } catch (UnsupportedOperationException | FileSystemException e) {
        throw withoutHardLinks(e);
      }
    } finally {
      Files.deleteIfExists(link);
      Files.deleteIfExists(file);
    }
  }

  private PolyphonyException withoutHardLinks(Exception cause) {
    return new PolyphonyException(
        ErrorClass.CONFIG,
        this
            + " is on a file system without hard links, which the store needs so that two writers"
            + " cannot both win: choose a folder on a local disk, or an S3 endpoint",
        cause);
  }

  PolyphonyException failure(String action, IOException cause) {
    String reason = String.valueOf(cause.getMessage());
    String lower = reason.toLowerCase(Locale.ROOT);
    String start = this + ": cannot " + action + ": ";
    if (lower.contains("no space left") || lower.contains("quota exceeded")) {
      return PolyphonyException.infrastructure(
          start + "the disk is full; make room and run again", cause);
    }
    if (cause instanceof AccessDeniedException
        || lower.contains("read-only file system")
        || lower.contains("permission denied")) {
      return new PolyphonyException(
          ErrorClass.CONFIG, start + "permission denied; choose a folder you may write to", cause);
    }
    if (cause instanceof FileAlreadyExistsException
        || cause instanceof NotDirectoryException
        || lower.contains("not a directory")) {
      return new PolyphonyException(
          ErrorClass.CONFIG,
          start + reason + " is a file, not a folder; choose another path",
          cause);
    }
    return PolyphonyException.infrastructure(
        start + cause.getClass().getSimpleName() + " " + reason + "; check the disk and run again",
        cause);
  }
}
