package polyphony.storage;

import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A store whose process dies at a chosen change: from then on every call throws, as nothing of a
 * killed process reaches the store any more.
 */
final class FailingObjectStore implements ObjectStore {
  /** Not an Exception: no handler of the code under test may treat a kill as a failure. */
  static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  private final ObjectStore store;
  private int changesLeft;
  private boolean dead;

  FailingObjectStore(ObjectStore store, int changesLeft) {
    this.store = store;
    this.changesLeft = changesLeft;
  }

  boolean dead() {
    return dead;
  }

  private synchronized void alive() {
    if (dead) {
      throw new Killed();
    }
  }

  private synchronized void change() {
    alive();
    if (changesLeft == 0) {
      dead = true;
      throw new Killed();
    }
    changesLeft--;
  }

  @Override
  public Optional<Long> size(String key) {
    alive();
    return store.size(key);
  }

  @Override
  public InputStream read(String key) {
    alive();
    return store.read(key);
  }

  @Override
  public void write(String key, Path file) {
    change();
    store.write(key, file);
  }

  @Override
  public void write(String key, byte[] content) {
    change();
    store.write(key, content);
  }

  @Override
  public boolean writeIfAbsent(String key, byte[] content) {
    change();
    return store.writeIfAbsent(key, content);
  }

  @Override
  public List<Listed> listing(String prefix) {
    alive();
    return store.listing(prefix);
  }

  @Override
  public void delete(String key) {
    change();
    store.delete(key);
  }

  @Override
  public void close() {}
}
