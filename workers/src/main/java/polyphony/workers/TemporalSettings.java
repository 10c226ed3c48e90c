package polyphony.workers;

import io.temporal.envconfig.ClientConfigProfile;
import io.temporal.envconfig.LoadClientConfigProfileOptions;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.storage.PolyphonyException;

/**
 * Which Temporal service, and how to get in: the variables that Temporal's own clients read ({@code
 * TEMPORAL_ADDRESS}, {@code _NAMESPACE}, {@code _API_KEY}, {@code _TLS} and {@code _TLS_…}, {@code
 * _GRPC_META_…}). Temporal's configuration file is read only where {@code TEMPORAL_CONFIG_FILE} or
 * {@code TEMPORAL_PROFILE} says so, so that a file left by another tool never moves a run from this
 * process to a server.
 *
 * @param address host and port
 * @param profile the rest; holds keys
 */
record TemporalSettings(String address, String namespace, ClientConfigProfile profile) {
  private static final String ADDRESS = "TEMPORAL_ADDRESS";
  private static final String FILE = "TEMPORAL_CONFIG_FILE";
  private static final String PROFILE = "TEMPORAL_PROFILE";

  /**
   * @return empty where no address is given
   * @throws PolyphonyException CONFIG where the configuration file or a variable cannot be read
   */
  static Optional<TemporalSettings> of(Map<String, String> environment) {
    Map<String, String> variables = new TreeMap<>();
    for (String name : environment.keySet()) {
      if (name.startsWith("TEMPORAL_")) {
        Settings.value(environment, name).ifPresent(value -> variables.put(name, value));
      }
    }
    boolean file = variables.containsKey(FILE) || variables.containsKey(PROFILE);
    if (!file && !variables.containsKey(ADDRESS)) {
      return Optional.empty();
    }
    ClientConfigProfile profile;
    try {
      profile =
          ClientConfigProfile.load(
              LoadClientConfigProfileOptions.newBuilder()
                  .setDisableFile(!file)
                  .setConfigFilePath(variables.get(FILE))
                  .setEnvOverrides(variables)
                  .build());
    } catch (IOException | RuntimeException e) {
      throw PolyphonyException.config(
          "Temporal's settings cannot be read ("
              + e.getMessage()
              + "); check the variables that start with TEMPORAL_"
              + (file ? " and the file that they name" : ""));
    }
    return Optional.ofNullable(profile.getAddress())
        .filter(address -> !address.isEmpty())
        .map(
            address ->
                new TemporalSettings(
                    address,
                    Optional.ofNullable(profile.getNamespace())
                        .filter(namespace -> !namespace.isEmpty())
                        .orElse(TemporalAccess.DEFAULT_NAMESPACE),
                    profile));
  }

  /**
   * How a client connects.
   *
   * @throws PolyphonyException CONFIG where a certificate or key file cannot be used
   */
  WorkflowServiceStubsOptions service() {
    try {
      return WorkflowServiceStubsOptions.newBuilder(profile.toWorkflowServiceStubsOptions())
          .validateAndBuildWithDefaults();
    } catch (RuntimeException e) {
      throw PolyphonyException.config(
          "the TLS settings of Temporal at "
              + address
              + " cannot be used ("
              + e.getMessage()
              + "); check the variables that start with TEMPORAL_TLS");
    }
  }

  /** Without keys. */
  @Override
  public String toString() {
    return "Temporal at " + address;
  }
}
