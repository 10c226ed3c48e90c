package polyphony.workers;

import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} and {@code version} print. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {
      "polyphony "
          + Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
              .orElse("(unpackaged)")
          + ", Java "
          + System.getProperty("java.version")
    };
  }
}
