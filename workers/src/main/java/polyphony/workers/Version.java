package polyphony.workers;

import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} and {@code version} print. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {ofProgram() + ", Java " + System.getProperty("java.version")};
  }

  /** Such as {@code polyphony 0.1.0}. */
  static String ofProgram() {
    return "polyphony " + number();
  }

  /** Such as {@code 0.1.0}. */
  static String number() {
    return Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
        .orElse("(unpackaged)");
  }
}
