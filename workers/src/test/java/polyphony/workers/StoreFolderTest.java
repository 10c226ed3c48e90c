package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class StoreFolderTest {
  @TempDir private Path folder;

  @Test
  void aNewFolderIsMadeAndLeftEmpty() throws IOException {
    Path store = StoreFolder.checked(folder.resolve("a/b"));
    try (var files = Files.list(store)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void aFileIsNoStore() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    refused(file, ErrorClass.CONFIG, "is a file");
    assertThat(file).isEmptyFile();
  }

  @Test
  void aFolderBelowAFileIsNoStore() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    refused(file.resolve("store"), ErrorClass.CONFIG, "--store");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFolderWhereNobodyCanWriteIsNoStore() {
    refused(Path.of("/proc/polyphony"), ErrorClass.CONFIG, "--store");
  }

  @Test
  void aFullDiskIsToldWithItsFolder() {
    PolyphonyException full = StoreFolder.full(folder, 3L << 20);
    assertThat(full.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(full.getMessage()).contains(folder.toString(), "full", "3 MiB");
  }

  private static void refused(Path store, ErrorClass errorClass, String part) {
    assertThatThrownBy(() -> StoreFolder.checked(store))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> {
              assertThat(e.errorClass()).isEqualTo(errorClass);
              assertThat(e.getMessage()).contains(part).doesNotContain("\n");
            });
  }
}
