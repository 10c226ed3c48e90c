package polyphony.activities.lm;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much memory this process may use in all: what it has, and what the machine and the container
 * around it have left. Files that the kernel keeps in memory count as left, since it gives them up.
 */
public final class AvailableMemory {
  /** A container without a limit says a number near 2^63. */
  private static final long UNLIMITED = 1L << 60;

  private AvailableMemory() {}

  /** In bytes. */
  public static long bytes() {
    return bytes(Path.of("/"))
        .orElseGet(
            () ->
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class)
                    .getTotalMemorySize());
  }

  /**
   * Visible for the tests.
   *
   * @return empty where there is no Linux below {@code root}
   */
  static OptionalLong bytes(Path root) {
    OptionalLong machine = number(root.resolve("proc/meminfo"), "MemAvailable:\\s+(\\d+) kB");
    Path status = root.resolve("proc/self/status");
    OptionalLong own = number(status, "RssAnon:\\s+(\\d+) kB");
    if (machine.isEmpty() || own.isEmpty()) {
      return OptionalLong.empty();
    }
    // Some garbage collectors have their heap in shared memory. Files that are mapped are left out:
    // what the machine has left counts them already.
    long shared = number(status, "RssShmem:\\s+(\\d+) kB").orElse(0);
    long left = 1024 * machine.getAsLong();
    Path groups = root.resolve("sys/fs/cgroup");
    left = Math.min(left, left(groups, "memory.max", "memory.current", "file", "shmem"));
    left =
        Math.min(
            left,
            left(
                groups.resolve("memory"),
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_cache",
                "total_shmem"));
    return OptionalLong.of(left + 1024 * (own.getAsLong() + shared));
  }

  /**
   * What a control group has left; a great number where there is none, or no limit.
   *
   * @param files what the kernel counts as files in memory, and {@code shared} what of that is
   *     shared memory, which it cannot give up
   */
  private static long left(Path group, String limit, String used, String files, String shared) {
    OptionalLong most = number(group.resolve(limit), "(\\d+)");
    OptionalLong now = number(group.resolve(used), "(\\d+)");
    if (most.isEmpty() || now.isEmpty() || most.getAsLong() >= UNLIMITED) {
      return Long.MAX_VALUE;
    }
    Path statistics = group.resolve("memory.stat");
    long cached =
        number(statistics, files + " (\\d+)").orElse(0)
            - number(statistics, shared + " (\\d+)").orElse(0);
    return Math.max(0, most.getAsLong() - now.getAsLong() + cached);
  }

  /** The number in the first line that matches; empty where the file or the line is not there. */
  private static OptionalLong number(Path file, String line) {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      // Other systems, and other versions of control groups, have no such file.
      return OptionalLong.empty();
    }
    Pattern pattern = Pattern.compile(line);
    for (String each : lines) {
      Matcher matcher = pattern.matcher(each.strip());
      if (matcher.matches()) {
        return OptionalLong.of(Long.parseLong(matcher.group(1)));
      }
    }
    return OptionalLong.empty();
  }
}
