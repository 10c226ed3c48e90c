package polyphony.storage;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * Names one operating-system process so that another process can find out whether it still lives.
 *
 * @param host name of the machine
 * @param space where process ids are comparable: one boot of one machine, one container
 * @param processId unique within the space among living processes
 * @param start when the process started, or null where the system does not tell
 */
record ProcessIdentity(String host, String space, long processId, String start) {
  ProcessIdentity {
    Objects.requireNonNull(host, "host");
    Objects.requireNonNull(space, "space");
    if (start != null) {
      Instant.parse(start);
    }
  }

  // The start of a process is derived from the time of boot, which moves when the clock is set.
  private static final Duration START_TOLERANCE = Duration.ofMinutes(1);

  static ProcessIdentity current() {
    ProcessHandle handle = ProcessHandle.current();
    return new ProcessIdentity(
        hostName(),
        processSpace(),
        handle.pid(),
        handle.info().startInstant().map(Instant::toString).orElse(null));
  }

  /** Whether that process is certainly over, as seen from this one. */
  boolean knowsDead(ProcessIdentity other) {
    if (!host.equals(other.host) || !space.equals(other.space)) {
      return false;
    }
    Optional<ProcessHandle> handle =
        ProcessHandle.of(other.processId).filter(ProcessHandle::isAlive);
    if (handle.isEmpty()) {
      return true;
    }
    Optional<Instant> start = handle.get().info().startInstant();
    return other.start != null
        && start.isPresent()
        && Duration.between(Instant.parse(other.start), start.get())
                .abs()
                .compareTo(START_TOLERANCE)
            > 0;
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return Optional.ofNullable(System.getenv("HOSTNAME")).orElse("localhost");
    }
  }

  /** Containers may share a host name but not process ids: Linux tells them apart. */
  private static String processSpace() {
    try {
      String boot =
          Files.readString(Path.of("/proc/sys/kernel/random/boot_id"), StandardCharsets.US_ASCII);
      return boot.strip() + " " + Files.readSymbolicLink(Path.of("/proc/self/ns/pid"));
    } catch (IOException e) {
      return System.getProperty("os.name");
    }
  }
}
