package polyphony.storage;

import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A store seen through another one that takes everything written: for trying something out on what
 * there is without changing it. What was deleted is hidden.
 */
public final class OverlaidObjectStore implements ObjectStore {
  private final ObjectStore below;
  private final ObjectStore above;
  private final Set<String> deleted = ConcurrentHashMap.newKeySet();

  /**
   * @param below only read, and not closed with this
   * @param above takes what is written; closed with this
   */
  public OverlaidObjectStore(ObjectStore below, ObjectStore above) {
    this.below = below;
    this.above = above;
  }

  @Override
  public Optional<Long> size(String key) {
    Optional<Long> written = above.size(key);
    return written.isPresent() || deleted.contains(key) ? written : below.size(key);
  }

  @Override
  public InputStream read(String key) {
    return above.size(key).isPresent() || deleted.contains(key) ? above.read(key) : below.read(key);
  }

  @Override
  public void write(String key, Path file) {
    above.write(key, file);
  }

  @Override
  public void write(String key, byte[] content) {
    above.write(key, content);
  }

  @Override
  public synchronized boolean writeIfAbsent(String key, byte[] content) {
    Optional<Long> size = size(key);
    if (size.isEmpty()) {
      return above.writeIfAbsent(key, content);
    }
    return size.get() == content.length && Arrays.equals(bytes(key, content.length), content);
  }

  @Override
  public List<Listed> listing(String prefix) {
    Map<String, Listed> byKey = new TreeMap<>();
    below.listing(prefix).forEach(each -> byKey.put(each.key(), each));
    byKey.keySet().removeAll(deleted);
    above.listing(prefix).forEach(each -> byKey.put(each.key(), each));
    return new ArrayList<>(byKey.values());
  }

  @Override
  public void delete(String key) {
    above.delete(key);
    deleted.add(key);
  }

  @Override
  public void close() {
    above.close();
  }
}
