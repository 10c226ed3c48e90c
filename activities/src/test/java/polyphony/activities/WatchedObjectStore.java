package polyphony.activities;

import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import polyphony.storage.ObjectStore;

/** Another store, whose reads are told of before they are made. */
public record WatchedObjectStore(ObjectStore below, Consumer<String> reads) implements ObjectStore {
  @Override
  public Optional<Long> size(String key) {
    return below.size(key);
  }

  @Override
  public InputStream read(String key) {
    reads.accept(key);
    return below.read(key);
  }

  @Override
  public void write(String key, Path file) {
    below.write(key, file);
  }

  @Override
  public void write(String key, byte[] content) {
    below.write(key, content);
  }

  @Override
  public boolean writeIfAbsent(String key, byte[] content) {
    return below.writeIfAbsent(key, content);
  }

  @Override
  public List<Listed> listing(String prefix) {
    return below.listing(prefix);
  }

  @Override
  public void delete(String key) {
    below.delete(key);
  }

  @Override
  public void close() {
    below.close();
  }
}
