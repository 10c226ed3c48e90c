package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OverlaidObjectStoreTest extends ObjectStoreContract {
  private FolderObjectStore below;

  @Override
  ObjectStore open() {
    below = new FolderObjectStore(folder.resolve("below"));
    return new OverlaidObjectStore(below, new FolderObjectStore(folder.resolve("above")));
  }

  @AfterEach
  void closeBelow() {
    below.close();
  }

  @Test
  void whatIsBelowIsSeenAndNeverChanged() {
    below.write("objects/a", "below".getBytes(UTF_8));
    below.write("objects/b", "below".getBytes(UTF_8));

    assertThat(store.size("objects/a")).contains(5L);
    assertThat(store.writeIfAbsent("objects/a", "other".getBytes(UTF_8))).isFalse();
    assertThat(store.writeIfAbsent("objects/a", "below".getBytes(UTF_8))).isTrue();
    store.write("objects/a", "above".getBytes(UTF_8));
    store.delete("objects/b");
    store.write("objects/c", "above".getBytes(UTF_8));

    assertThat(store.bytes("objects/a", 10)).asString(UTF_8).isEqualTo("above");
    assertThat(store.list("objects/")).containsExactly("objects/a", "objects/c");
    assertThat(store.size("objects/b")).isEmpty();
    assertThatThrownBy(() -> store.read("objects/b")).isInstanceOf(MissingObjectException.class);
    assertThat(below.list("objects/")).containsExactly("objects/a", "objects/b");
    assertThat(below.bytes("objects/a", 10)).asString(UTF_8).isEqualTo("below");
  }

  @Test
  void whatWasDeletedCanBeWrittenAgain() {
    below.write("steps/a.json", "below".getBytes(UTF_8));
    store.delete("steps/a.json");
    assertThat(store.writeIfAbsent("steps/a.json", "again".getBytes(UTF_8))).isTrue();
    assertThat(store.bytes("steps/a.json", 10)).asString(UTF_8).isEqualTo("again");
  }
}
