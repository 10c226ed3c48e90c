package polyphony.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemporaryFolderTest {
  @TempDir Path parent;

  @Test
  void itIsGoneWithAllThatIsInItWhenItIsClosed() throws IOException {
    Path path;
    try (TemporaryFolder folder = new TemporaryFolder(parent.resolve("absent"), "a-")) {
      path = folder.path();
      Files.createDirectories(path.resolve("deep/er"));
      Files.writeString(path.resolve("deep/er/file"), "x");
    }
    assertThat(path).doesNotExist();
    assertThat(parent.resolve("absent")).isEmptyDirectory();
  }

  @Test
  void aLinkIsDeletedAndNotWhatItPointsTo() throws IOException {
    Path kept = Files.writeString(parent.resolve("kept"), "x");
    try (TemporaryFolder folder = new TemporaryFolder(parent, "a-")) {
      Files.createSymbolicLink(folder.path().resolve("link"), kept);
    }
    assertThat(kept).hasContent("x");
  }

  @Test
  void deletingWhatIsNotThereIsNothing() {
    TemporaryFolder.delete(parent.resolve("absent"));
    assertThat(parent).isEmptyDirectory();
  }

  @Test
  void aParentThatIsAFileIsRefusedInOneLine() throws IOException {
    Path file = Files.writeString(parent.resolve("file"), "x");
    assertThatThrownBy(() -> new TemporaryFolder(file, "a-"))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
        .hasMessageContaining(file.toString());
  }
}
