package polyphony.workers.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import polyphony.storage.PolyphonyException;
import polyphony.storage.S3Settings;

/**
 * A Temporal server and a MinIO server of {@code deploy/servers}, with all their files in a folder.
 */
final class Servers implements AutoCloseable {
  /** One of them, as {@code deploy/servers} calls it. */
  enum Name {
    TEMPORAL,
    MINIO;

    String argument() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 32_000;

  private final Path script;
  private final Path folder;
  private final Map<String, String> environment;

  /**
   * Starts both.
   *
   * @param script {@code deploy/servers}
   */
  Servers(Path script, Path folder) {
    this.script = script;
    this.folder = folder;
    List<Integer> ports = freePorts(3);
    call(
        "start",
        "--temporal-port",
        ports.get(0).toString(),
        "--ui-port",
        ports.get(1).toString(),
        "--minio-port",
        ports.get(2).toString());
    try {
      environment =
          Files.readAllLines(folder.resolve("env")).stream()
              .filter(line -> line.startsWith("export "))
              .map(line -> line.substring("export ".length()).split("=", 2))
              .collect(Collectors.toUnmodifiableMap(pair -> pair[0], pair -> pair[1]));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a process needs to use them. */
  Map<String, String> environment() {
    return environment;
  }

  InetSocketAddress store() {
    URI endpoint = URI.create(environment.get("POLYPHONY_S3_ENDPOINT"));
    return new InetSocketAddress(endpoint.getHost(), endpoint.getPort());
  }

  S3Settings storeSettings() {
    return new S3Settings(
        environment.get("POLYPHONY_S3_ENDPOINT"),
        environment.get("POLYPHONY_S3_BUCKET"),
        S3Settings.DEFAULT_REGION,
        environment.get("POLYPHONY_S3_ACCESS_KEY"),
        environment.get("POLYPHONY_S3_SECRET_KEY"));
  }

  /** Ends one of them as {@code kill -9} does. */
  void kill(Name server) {
    call("kill", server.argument());
  }

  /** Starts one of them again, and waits until it answers. */
  void restart(Name server) {
    call("start", server.argument());
  }

  private void call(String... arguments) {
    List<String> command = new ArrayList<>(List.of(script.toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--data", folder.toString()));
    try {
      // Into a file: what it starts keeps its output open.
      Files.createDirectories(folder);
      Path said = folder.resolve("servers.out");
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(said.toFile())
              .start();
      int exitCode = process.waitFor();
      if (exitCode != 0) {
        throw PolyphonyException.infrastructure(
            String.join(" ", command)
                + " failed: "
                + Files.readString(said, StandardCharsets.UTF_8).strip(),
            null);
      }
    } catch (IOException e) {
      throw PolyphonyException.config(
          "deploy/servers cannot be run ("
              + e.getMessage()
              + "); name it with --servers, or give the command in a source tree");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw PolyphonyException.infrastructure("interrupted", e);
    }
  }

  /**
   * Below those that systems hand out by themselves: the servers take some of these too, and might
   * be given the very one that they were told to use.
   */
  private static List<Integer> freePorts(int count) {
    List<Integer> ports = new ArrayList<>();
    Random random = new Random();
    for (int tried = 0; ports.size() < count; tried++) {
      int port = random.nextInt(FIRST_PORT, LAST_PORT);
      if (!ports.contains(port) && isFree(port)) {
        ports.add(port);
      } else if (tried > LAST_PORT - FIRST_PORT) {
        throw PolyphonyException.infrastructure(
            "no free ports from " + FIRST_PORT + " to " + LAST_PORT + "; end what uses them", null);
      }
    }
    return ports;
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return socket.isBound();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void close() {
    call("kill", Name.TEMPORAL.argument(), Name.MINIO.argument());
  }
}
