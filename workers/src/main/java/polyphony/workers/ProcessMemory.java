package polyphony.workers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How much memory this process took. */
public final class ProcessMemory {
  private static final Pattern PEAK = Pattern.compile("VmHWM:\\s+(\\d+) kB");

  private ProcessMemory() {}

  /** The largest resident size so far in bytes, native memory included; null outside Linux. */
  public static Long peakBytes() {
    try {
      return peakBytes(Files.readAllLines(Path.of("/proc/self/status")));
    } catch (IOException e) {
      return null;
    }
  }

  /** Has {@link #peakBytes} count from here, where the system can. */
  static void forgetPeak() {
    try {
      Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    } catch (IOException e) {
      // Then it counts from the start.
    }
  }

  static Long peakBytes(List<String> status) {
    for (String line : status) {
      Matcher peak = PEAK.matcher(line);
      if (peak.matches()) {
        return 1024 * Long.parseLong(peak.group(1));
      }
    }
    return null;
  }
}
