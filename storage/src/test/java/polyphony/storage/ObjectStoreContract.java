package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every backend must keep. */
abstract class ObjectStoreContract {
  @TempDir Path folder;
  ObjectStore store;

  /** Opens an empty store. */
  abstract ObjectStore open() throws Exception;

  @BeforeEach
  void openStore() throws Exception {
    store = open();
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  private String content(String key) {
    return new String(store.bytes(key, 1000), UTF_8);
  }

  @Test
  void whatIsWrittenIsRead() {
    store.write("objects/a", "first".getBytes(UTF_8));
    assertThat(content("objects/a")).isEqualTo("first");
    assertThat(store.size("objects/a")).contains(5L);
  }

  @Test
  void aWriteReplacesWhatWasThere() {
    store.write("objects/a", "first".getBytes(UTF_8));
    store.write("objects/a", "2".getBytes(UTF_8));
    assertThat(content("objects/a")).isEqualTo("2");
  }

  @Test
  void anEmptyObjectIsAnObject() throws Exception {
    store.write("objects/empty", new byte[0]);
    store.write("objects/empty-file", Files.createFile(folder.resolve("empty")));
    assertThat(store.size("objects/empty")).contains(0L);
    assertThat(content("objects/empty")).isEmpty();
    assertThat(content("objects/empty-file")).isEmpty();
    assertThat(store.list("objects/")).containsExactly("objects/empty", "objects/empty-file");
  }

  @Test
  void aFileOfSeveralMegabytesArrivesWhole() throws Exception {
    byte[] content = new byte[(6 << 20) + 17];
    new Random(1).nextBytes(content);
    Path file = Files.write(folder.resolve("file"), content);
    store.write("objects/big", file);
    assertThat(store.size("objects/big")).contains((long) content.length);
    try (InputStream stream = store.read("objects/big")) {
      assertThat(Sha256.of(stream)).isEqualTo(Sha256.of(content));
    }
    assertThat(file).hasBinaryContent(content);
  }

  @Test
  void aMissingObjectHasNoSizeAndReadingItSaysSo() {
    assertThat(store.size("objects/none")).isEmpty();
    assertThatThrownBy(() -> store.read("objects/none"))
        .isInstanceOfSatisfying(
            MissingObjectException.class,
            e -> {
              assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA);
              assertThat(e.key()).isEqualTo("objects/none");
            });
  }

  @Test
  void onlyTheFirstWriterWins() {
    assertThat(store.writeIfAbsent("steps/a.json", "one".getBytes(UTF_8))).isTrue();
    assertThat(store.writeIfAbsent("steps/a.json", "two".getBytes(UTF_8))).isFalse();
    assertThat(store.writeIfAbsent("steps/a.json", "three".getBytes(UTF_8))).isFalse();
    assertThat(content("steps/a.json")).isEqualTo("one");
  }

  @Test
  void aWriterWhoMeetsItsOwnContentHasWon() {
    assertThat(store.writeIfAbsent("steps/a.json", "mine".getBytes(UTF_8))).isTrue();
    assertThat(store.writeIfAbsent("steps/a.json", "mine".getBytes(UTF_8))).isTrue();
  }

  @Test
  void aLargeConditionalWriteIsConditionalToo() {
    byte[] content = new byte[6 << 20];
    assertThat(store.writeIfAbsent("steps/a.json", content)).isTrue();
    assertThat(store.writeIfAbsent("steps/a.json", "two".getBytes(UTF_8))).isFalse();
    content[5] = 1;
    assertThat(store.writeIfAbsent("steps/a.json", content)).isFalse();
  }

  @Test
  void ofManyWritersAtOnceExactlyOneWins() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      for (int round = 0; round < 8; round++) {
        String key = "claims/" + round + "/00000000.json";
        List<Callable<Boolean>> writers = new ArrayList<>();
        for (int writer = 0; writer < 4; writer++) {
          byte[] content = ("writer " + writer).getBytes(UTF_8);
          writers.add(() -> store.writeIfAbsent(key, content));
        }
        int winners = 0;
        for (Future<Boolean> writer : threads.invokeAll(writers)) {
          winners += writer.get() ? 1 : 0;
        }
        assertThat(winners).isEqualTo(1);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aReaderNeverSeesAnObjectHalfWritten() throws Exception {
    byte[] zeros = new byte[300_000];
    byte[] ones = new byte[200_000];
    java.util.Arrays.fill(ones, (byte) 1);
    store.write("objects/a", zeros);
    ExecutorService writer = Executors.newSingleThreadExecutor();
    try {
      Future<?> writing =
          writer.submit(
              () -> {
                for (int i = 0; i < 20; i++) {
                  store.write("objects/a", i % 2 == 0 ? ones : zeros);
                }
              });
      int reads = 0;
      while (!writing.isDone() || reads < 5) {
        byte[] seen = store.bytes("objects/a", 1 << 20);
        assertThat(seen).isEqualTo(seen.length == zeros.length ? zeros : ones);
        reads++;
      }
      writing.get();
    } finally {
      writer.shutdownNow();
    }
  }

  @Test
  void keysAreListedSortedByPrefix() {
    for (String key : List.of("b/2", "b/10", "b/1", "a/x", "bb/1", "b/sub/3")) {
      store.write(key, new byte[] {1});
    }
    assertThat(store.list("b/")).containsExactly("b/1", "b/10", "b/2", "b/sub/3");
    assertThat(store.list("b")).containsExactly("b/1", "b/10", "b/2", "b/sub/3", "bb/1");
    assertThat(store.list("b/1")).containsExactly("b/1", "b/10");
    assertThat(store.list("")).hasSize(6).isSorted();
    assertThat(store.list("none/")).isEmpty();
    assertThat(store.list("b/1/")).isEmpty();
  }

  @Test
  void aListingTellsSizesAndWhenAnObjectWasLastWritten() throws Exception {
    Instant before = Instant.now().minusSeconds(5);
    store.write("objects/a", "first".getBytes(UTF_8));
    store.write("objects/b", Files.write(folder.resolve("file"), new byte[70_000]));
    assertThat(store.listing("objects/"))
        .extracting(ObjectStore.Listed::key, ObjectStore.Listed::bytes)
        .containsExactly(tuple("objects/a", 5L), tuple("objects/b", 70_000L));
    // S3 tells whole seconds.
    assertThat(store.listing("objects/"))
        .allSatisfy(
            each -> assertThat(each.modified()).isBetween(before, Instant.now().plusSeconds(5)));
  }

  @Test
  void manyKeysAreListedToTheEnd() {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < 25; i++) {
      keys.add(String.format("progress/a/%08d.json", i));
      store.write(keys.get(i), new byte[] {1});
    }
    assertThat(store.list("progress/a/")).isEqualTo(keys);
  }

  @Test
  void deletedObjectsAreGoneAndDeletingThemAgainIsNoError() {
    store.write("claims/a/1", new byte[] {1});
    store.delete("claims/a/1");
    store.delete("claims/a/1");
    store.delete("claims/never/there");
    assertThat(store.size("claims/a/1")).isEmpty();
    assertThat(store.list("")).isEmpty();
    assertThat(store.writeIfAbsent("claims/a/1", new byte[] {2})).isTrue();
  }

  @Test
  void anObjectBeyondTheBoundIsRefused() {
    store.write("steps/a", new byte[100]);
    assertThat(store.bytes("steps/a", 100)).hasSize(100);
    assertThatThrownBy(() -> store.bytes("steps/a", 99))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("steps/a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "/", "/etc/passwd", "..", "../outside", "a/../b", "a/..", "a//b", "a/", "./a", "a/.",
        ".temporary/x", "a\\b", "C:/x", "a b", "a\nb", "a\0b", "ä", "-rf", "a/%2e%2e/b", "a?b",
            "~/x"
      })
  void hostileKeysAreRefusedByEveryCall(String key) {
    for (org.assertj.core.api.ThrowableAssert.ThrowingCallable call :
        List.<org.assertj.core.api.ThrowableAssert.ThrowingCallable>of(
            () -> store.size(key),
            () -> store.read(key),
            () -> store.write(key, new byte[0]),
            () -> store.write(key, folder.resolve("file")),
            () -> store.writeIfAbsent(key, new byte[0]),
            () -> store.delete(key))) {
      assertThatThrownBy(call)
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("not an object key")
          .hasMessageNotContaining("\n");
    }
    if (!key.isEmpty() && !key.equals("a/")) {
      assertThatThrownBy(() -> store.list(key)).isInstanceOf(PolyphonyException.class);
    }
  }

  @Test
  void keysBeyondTheLongestAreRefused() {
    String segment = "x".repeat(127) + "/";
    store.write(segment.repeat(3) + "x".repeat(128), new byte[0]);
    assertThatThrownBy(() -> store.size(segment.repeat(4) + "x"))
        .hasMessageContaining("not an object key");
    assertThatThrownBy(() -> store.size("x".repeat(201))).hasMessageContaining("not an object key");
  }
}
