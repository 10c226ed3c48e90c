package polyphony.activities.resolve;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import polyphony.activities.Checkpoints;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;

/** The small model that comes along: an ordinary Hugging Face folder on the class path. */
public final class BuiltInModel {
  public static final String NAME = "built-in";

  private final String resources;

  public BuiltInModel() {
    this("/polyphony/models/built-in/");
  }

  /**
   * @param resources a folder on the class path, with slashes around
   */
  BuiltInModel(String resources) {
    this.resources = resources;
  }

  /** Whether this build has it. */
  boolean present() {
    return BuiltInModel.class.getResource(resources + "config.json") != null;
  }

  /** Puts it into the store. */
  ArtifactRef put(Path scratch, Checkpoints.Destination destination) {
    try {
      Files.createDirectories(scratch);
      Path folder = Files.createTempDirectory(scratch, "built-in-");
      try {
        for (String name : Checkpoints.FILES) {
          try (InputStream stream = BuiltInModel.class.getResourceAsStream(resources + name)) {
            if (stream != null) {
              Files.copy(stream, folder.resolve(name));
            }
          }
        }
        return Checkpoints.put(folder, destination);
      } finally {
        try (Stream<Path> files = Files.walk(folder)) {
          for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(file);
          }
        }
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          scratch + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }
}
