package polyphony.activities.resolve;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import polyphony.activities.Checkpoints;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;

/** The small model that comes along: an ordinary Hugging Face folder on the class path. */
public final class BuiltInModel {
  public static final String NAME = "built-in";

  /** What is to be said of every experiment with it. */
  public static final String DEMONSTRATION =
      "The built-in model is a demonstration on a small model, not evidence about large ones.";

  private static final String RESOURCES = "/polyphony/models/built-in/";

  private final Function<String, InputStream> files;

  public BuiltInModel() {
    this(name -> BuiltInModel.class.getResourceAsStream(RESOURCES + name));
  }

  /**
   * @param files opens a file of the model by its name; null where there is none
   */
  BuiltInModel(Function<String, InputStream> files) {
    this.files = files;
  }

  /** Whether this build has it. */
  boolean present() {
    try (InputStream config = files.apply("config.json")) {
      return config != null;
    } catch (IOException e) {
      throw PolyphonyException.infrastructure("the class path cannot be read", e);
    }
  }

  /** Puts it into the store. */
  ArtifactRef put(Path scratch, Checkpoints.Destination destination) {
    try (TemporaryFolder folder = new TemporaryFolder(scratch, "built-in-")) {
      for (String name : Checkpoints.FILES) {
        try (InputStream stream = files.apply(name)) {
          if (stream != null) {
            Files.copy(stream, folder.path().resolve(name));
          }
        }
      }
      return Checkpoints.put(folder.path(), destination);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          scratch + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }
}
