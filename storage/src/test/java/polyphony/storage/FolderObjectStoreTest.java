package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class FolderObjectStoreTest extends ObjectStoreContract {
  @Override
  ObjectStore open() {
    return new FolderObjectStore(folder.resolve("store"));
  }

  @Test
  void aPathThatIsAFileIsAConfigurationError() throws Exception {
    Path file = Files.write(folder.resolve("file"), new byte[] {1});
    for (Path path : List.of(file, file.resolve("below"))) {
      assertThatThrownBy(() -> new FolderObjectStore(path))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
          .hasMessageContaining("is a file, not a folder");
    }
  }

  @Test
  void aFolderThatMayNotBeWrittenIsAConfigurationError() throws Exception {
    Path closed = Files.createDirectory(folder.resolve("closed"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-xr-xr-x"));
    Assumptions.assumeFalse(Files.isWritable(closed), "root may write everywhere");
    assertThatThrownBy(() -> new FolderObjectStore(closed.resolve("store")))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("permission denied");
  }

  @Test
  void aFileSystemThatIsReadOnlyIsAConfigurationError() {
    Path readOnly = Path.of("/proc/polyphony");
    Assumptions.assumeTrue(Files.isDirectory(readOnly.getParent()), "Linux only");
    assertThatThrownBy(() -> new FolderObjectStore(readOnly))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("the folder /proc/polyphony: cannot open it");
  }

  @Test
  void aFullDiskIsAnInfrastructureErrorAndOneThatMayNotBeWrittenAConfigurationError() {
    FolderObjectStore folderStore = (FolderObjectStore) store;
    PolyphonyException full =
        folderStore.failure(
            "write a", new FileSystemException("a", null, "No space left on device"));
    assertThat(full.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(full).hasMessageContaining("the disk is full");
    PolyphonyException readOnly =
        folderStore.failure("write a", new FileSystemException("a", null, "Read-only file system"));
    assertThat(readOnly.errorClass()).isEqualTo(ErrorClass.CONFIG);
  }

  @Test
  void theContentIsForcedToTheFileOfTheSameNameAndNothingIsLeftBeside() throws Exception {
    store.write("objects/a", "content".getBytes(UTF_8));
    assertThat(store.writeIfAbsent("objects/a", "other".getBytes(UTF_8))).isFalse();
    assertThat(folder.resolve("store/objects/a")).hasContent("content");
    assertThat(folder.resolve("store/.temporary")).isEmptyDirectory();
  }

  @Test
  void whatAKilledWriterLeftIsNoObjectAndIsRemovedAfterADay() throws Exception {
    Path temporary = folder.resolve("store/.temporary");
    Path abandoned = Files.write(temporary.resolve("half"), new byte[] {1});
    Path fresh = Files.write(temporary.resolve("now"), new byte[] {1});
    Files.setLastModifiedTime(abandoned, FileTime.from(Instant.now().minusSeconds(90_000)));
    assertThat(store.list("")).isEmpty();
    open().close();
    assertThat(abandoned).doesNotExist();
    assertThat(fresh).exists();
  }

  @Test
  void foldersThatAreEmptiedWhileOthersWriteThereLoseNothing() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Callable<Boolean>> writers = new ArrayList<>();
      for (int writer = 0; writer < 4; writer++) {
        String key = "claims/same/" + writer;
        writers.add(
            () -> {
              for (int i = 0; i < 20; i++) {
                store.write(key, new byte[] {1});
                assertThat(store.list("claims/same/")).contains(key);
                store.delete(key);
                assertThat(store.writeIfAbsent(key, new byte[] {2})).isTrue();
                store.delete(key);
              }
              return true;
            });
      }
      for (Future<Boolean> writer : threads.invokeAll(writers)) {
        assertThat(writer.get()).isTrue();
      }
      assertThat(folder.resolve("store/claims")).isEmptyDirectory();
    } finally {
      threads.shutdownNow();
    }
  }
}
