package polyphony.workers;

import java.nio.file.Path;
import polyphony.storage.PolyphonyException;

final class Assembly {
  private Assembly() {}

  static Parts of(Settings settings, Path store) {
    throw PolyphonyException.config("not assembled yet " + settings + store);
  }
}
