package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactsTest {
  private static final byte[] CONTENT = "the answer is 42".getBytes(UTF_8);

  @TempDir Path folder;
  private FolderObjectStore store;
  private LocalCache cache;
  private Artifacts artifacts;

  @BeforeEach
  void open() {
    store = new FolderObjectStore(folder.resolve("store"));
    cache = new LocalCache(folder.resolve("cache"), 100);
    artifacts = new Artifacts(store, cache);
  }

  @AfterEach
  void close() {
    cache.close();
  }

  private ArtifactRef put(int seed, int size) {
    byte[] content = new byte[size];
    java.util.Arrays.fill(content, (byte) seed);
    return artifacts.put(content, "application/octet-stream", "artifact-" + seed);
  }

  private Path inStore(ArtifactRef artifact) {
    return folder.resolve("store").resolve(Artifacts.key(artifact));
  }

  private Path inCache(ArtifactRef artifact) {
    return folder.resolve("cache").resolve(artifact.sha256());
  }

  @Test
  void anArtifactIsNamedByTheHashOfItsContent() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    assertThat(artifact)
        .isEqualTo(new ArtifactRef(Sha256.of(CONTENT), 16, "text/plain", "answer.txt"));
    assertThat(store.list("")).containsExactly("objects/" + artifact.sha256());
    assertThat(artifacts.bytes(artifact)).isEqualTo(CONTENT);
    assertThat(artifacts.present(artifact)).isTrue();

    Path file = Files.write(folder.resolve("file"), CONTENT);
    assertThat(artifacts.put(file, "text/plain", "answer.txt")).isEqualTo(artifact);
  }

  @Test
  void theHashIsTheOneOfTheStandard() throws Exception {
    // FIPS 180-4 example.
    assertThat(Sha256.of("abc".getBytes(UTF_8)))
        .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assertThat(Sha256.of(Files.write(folder.resolve("abc"), "abc".getBytes(UTF_8))))
        .isEqualTo(Sha256.of("abc".getBytes(UTF_8)));
  }

  @Test
  void contentThatIsThereIsNotSentAgain() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    FailingObjectStore noWrites = new FailingObjectStore(store, 0);
    Artifacts again = new Artifacts(noWrites, cache);
    assertThat(again.put(CONTENT, "text/plain", "other-name.txt").sha256())
        .isEqualTo(artifact.sha256());
    assertThat(again.put(Files.write(folder.resolve("f"), CONTENT), "text/plain", "f").bytes())
        .isEqualTo(16);
    assertThat(noWrites.dead()).isFalse();
  }

  @Test
  void anObjectCutShortIsWrittenAnew() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    Files.write(inStore(artifact), new byte[] {1});
    assertThat(artifacts.present(artifact)).isFalse();
    artifacts.put(CONTENT, "text/plain", "answer.txt");
    assertThat(artifacts.bytes(artifact)).isEqualTo(CONTENT);
  }

  @Test
  void everyFlippedByteInTheStoreIsDetected() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    for (int i = 0; i < CONTENT.length; i++) {
      byte[] damaged = CONTENT.clone();
      damaged[i] ^= 1;
      Files.write(inStore(artifact), damaged);
      assertDamaged(artifact);
    }
    Files.write(inStore(artifact), java.util.Arrays.copyOf(CONTENT, 15));
    assertDamaged(artifact);
    Files.write(inStore(artifact), java.util.Arrays.copyOf(CONTENT, 17));
    assertDamaged(artifact);
    assertThat(inCache(artifact)).doesNotExist();
  }

  private void assertDamaged(ArtifactRef artifact) {
    for (Callable<?> reading :
        List.<Callable<?>>of(() -> artifacts.bytes(artifact), () -> artifacts.file(artifact))) {
      assertThatThrownBy(reading::call)
          .isInstanceOfSatisfying(
              PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
          .hasMessageContaining(artifact.sha256())
          .hasMessageContaining("run again");
    }
  }

  @Test
  void aMissingArtifactSaysSo() {
    ArtifactRef missing = new ArtifactRef("0".repeat(64), 1, "text/plain", "missing");
    assertThat(artifacts.present(missing)).isFalse();
    assertThatThrownBy(() -> artifacts.bytes(missing)).isInstanceOf(MissingObjectException.class);
    assertThatThrownBy(() -> artifacts.file(missing)).isInstanceOf(MissingObjectException.class);
  }

  @Test
  void theLocalCopyIsNotTheStoresOwnFile() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    Path copy = artifacts.file(artifact);
    assertThat(copy).hasBinaryContent(CONTENT);
    Files.write(copy, new byte[] {0});
    assertThat(artifacts.bytes(artifact)).isEqualTo(CONTENT);
  }

  @Test
  void aDamagedLocalCopyIsFetchedAgain() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    Path copy = artifacts.file(artifact);
    byte[] damaged = CONTENT.clone();
    damaged[3] ^= 1;
    // As left behind by another process.
    Files.delete(copy);
    Files.write(copy, damaged);
    try (LocalCache other = new LocalCache(folder.resolve("cache"), 100)) {
      assertThat(new Artifacts(store, other).file(artifact)).hasBinaryContent(CONTENT);
    }
    Files.delete(copy);
    assertThat(artifacts.file(artifact)).hasBinaryContent(CONTENT);
  }

  @Test
  void aLocalCopyIsFetchedOnce() throws Exception {
    ArtifactRef artifact = artifacts.put(CONTENT, "text/plain", "answer.txt");
    artifacts.file(artifact);
    store.delete(Artifacts.key(artifact));
    assertThat(artifacts.file(artifact)).hasBinaryContent(CONTENT);
  }

  @Test
  void theLeastRecentlyUsedCopyMakesRoom() throws Exception {
    ArtifactRef first = put(1, 40);
    ArtifactRef second = put(2, 40);
    ArtifactRef third = put(3, 40);
    artifacts.file(first);
    artifacts.file(second);
    Files.setLastModifiedTime(inCache(second), FileTime.from(Instant.EPOCH));
    artifacts.file(third);
    assertThat(inCache(first)).exists();
    assertThat(inCache(second)).doesNotExist();
    assertThat(artifacts.file(second)).hasSize(40);
  }

  @Test
  void aPinnedCopyStaysAndWhatDoesNotFitBesideItIsRefused() throws Exception {
    ArtifactRef first = put(1, 60);
    ArtifactRef second = put(2, 50);
    try (LocalCache.Pinned pinned = artifacts.open(first)) {
      assertThatThrownBy(() -> artifacts.file(second))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
          .hasMessageContaining("too small");
      assertThat(pinned.path()).exists();
    }
    assertThat(artifacts.file(second)).hasSize(50);
    assertThat(inCache(first)).doesNotExist();
  }

  @Test
  void aCopyIsPinnedUntilItsLastUserClosesIt() throws Exception {
    ArtifactRef first = put(1, 60);
    ArtifactRef second = put(2, 50);
    LocalCache.Pinned one = artifacts.open(first);
    LocalCache.Pinned two = artifacts.open(first);
    one.close();
    one.close();
    assertThatThrownBy(() -> artifacts.file(second)).hasMessageContaining("too small");
    two.close();
    assertThat(artifacts.file(second)).exists();
  }

  @Test
  void aCopyPinnedByAnotherProcessStays() throws Exception {
    ArtifactRef first = put(1, 60);
    ArtifactRef second = put(2, 50);
    artifacts.file(first);
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Pinning.class.getName(),
                folder.toString(),
                first.sha256())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat((char) other.getInputStream().read()).isEqualTo('p');
      assertThatThrownBy(() -> artifacts.file(second)).hasMessageContaining("too small");
      assertThat(inCache(first)).exists();
    } finally {
      other.destroyForcibly().waitFor();
    }
    // The pin ended with the process that held it.
    assertThat(artifacts.file(second)).exists();
  }

  /** A process that pins one artifact until it is killed. */
  static final class Pinning {
    private Pinning() {}

    public static void main(String[] arguments) throws Exception {
      Path folder = Path.of(arguments[0]);
      LocalCache cache = new LocalCache(folder.resolve("cache"), 100);
      Artifacts artifacts = new Artifacts(new FolderObjectStore(folder.resolve("store")), cache);
      LocalCache.Pinned pinned =
          artifacts.open(new ArtifactRef(arguments[1], 60, "text/plain", "pinned"));
      System.out.print(pinned.path().getFileName().toString().isEmpty() ? "-" : "p");
      System.out.flush();
      Thread.sleep(60_000);
    }
  }

  @Test
  void manyThreadsThatWantTheSameFilesGetThemWhole() throws Exception {
    List<ArtifactRef> wanted = List.of(put(1, 20), put(2, 20), put(3, 20));
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (LocalCache second = new LocalCache(folder.resolve("cache"), 100)) {
      List<Callable<Boolean>> readers = new ArrayList<>();
      for (int reader = 0; reader < 4; reader++) {
        // Two caches on one folder, as two processes would have.
        Artifacts own = reader % 2 == 0 ? artifacts : new Artifacts(store, second);
        readers.add(
            () -> {
              for (int i = 0; i < 30; i++) {
                ArtifactRef artifact = wanted.get(i % 3);
                try (LocalCache.Pinned file = own.open(artifact)) {
                  assertThat(Sha256.of(file.path())).isEqualTo(artifact.sha256());
                }
              }
              return true;
            });
      }
      for (Future<Boolean> reader : threads.invokeAll(readers)) {
        assertThat(reader.get()).isTrue();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void anInterruptedReaderDoesNotBreakTheCacheForOthers() throws Exception {
    ArtifactRef first = put(1, 60);
    ArtifactRef second = put(2, 30);
    ArtifactRef third = put(3, 50);
    try (LocalCache.Pinned pinned = artifacts.open(first)) {
      Thread.currentThread().interrupt();
      assertThat(artifacts.file(second).getFileName()).hasToString(second.sha256());
      assertThat(Thread.interrupted()).isTrue();

      assertThatThrownBy(() -> artifacts.file(third)).hasMessageContaining("too small");
      assertThat(pinned.path()).exists();
    }
    assertThat(artifacts.file(third)).hasSize(50);
  }

  @Test
  void aCacheFolderThatIsAFileIsAConfigurationError() throws Exception {
    Path file = Files.write(folder.resolve("file"), new byte[] {1});
    assertThatThrownBy(() -> new LocalCache(file, 100).close())
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG));
  }
}
