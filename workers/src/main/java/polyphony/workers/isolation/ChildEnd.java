package polyphony.workers.isolation;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * How a child ended that had not said what became of its step.
 *
 * @param step name of its kind
 * @param status as a shell reports it: 128 and the signal's number, for one that a signal ended
 * @param crashReport where the JVM would have written one
 * @param killedForMemory processes that the kernel has killed for want of memory meanwhile; empty
 *     where it does not tell
 * @param lastWords last line of its output
 */
record ChildEnd(
    String step,
    long processId,
    int status,
    Path crashReport,
    OptionalLong killedForMemory,
    Optional<String> lastWords) {
  private static final int SIGKILL = 9;
  private static final Map<Integer, String> SIGNALS =
      Map.of(
          4, "SIGILL", 6, "SIGABRT", 7, "SIGBUS", 8, "SIGFPE", SIGKILL, "SIGKILL", 11, "SIGSEGV",
          15, "SIGTERM");

  /** How many processes the kernel has killed for want of memory since it was booted. */
  static OptionalLong killsForMemory() {
    Path counters = Path.of("/proc/vmstat");
    try (Stream<String> lines = Files.lines(counters, StandardCharsets.US_ASCII)) {
      return lines
          .filter(line -> line.startsWith("oom_kill "))
          .mapToLong(line -> Long.parseLong(line.substring("oom_kill ".length()).strip()))
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  /** The same as a failure of the step: it is worth another attempt. */
  PolyphonyException failure() {
    int signal = status - 128;
    boolean killed = signal == SIGKILL;
    boolean memory = killed && (killedForMemory.isEmpty() || killedForMemory.getAsLong() > 0);
    StringBuilder message = new StringBuilder(step + ": its process " + processId);
    if (signal <= 0) {
      message.append(" ended with status ").append(status).append(" and no outcome");
    } else {
      message.append(" was ");
      message.append(killed ? "killed" : "ended").append(" by signal ").append(signal);
      Optional.ofNullable(SIGNALS.get(signal))
          .ifPresent(name -> message.append(" (").append(name).append(')'));
      if (memory) {
        message.append(
            ", likely out of memory: give the worker more memory, or lower batchSize or slots");
      } else if (killed) {
        message.append(" by a person or program, not for want of memory");
      }
    }
    report().ifPresent(message::append);
    lastWords.ifPresent(line -> message.append("; it last said: ").append(line));
    return new PolyphonyException(
        memory ? ErrorClass.OUT_OF_MEMORY : ErrorClass.INFRASTRUCTURE, message.toString());
  }

  private Optional<String> report() {
    if (!Files.exists(crashReport)) {
      return Optional.empty();
    }
    String cause = "";
    try (Stream<String> lines = Files.lines(crashReport, StandardCharsets.ISO_8859_1)) {
      cause =
          lines
              .limit(50)
              .filter(line -> line.matches("#\\s+(SIG|EXCEPTION|Internal Error|Native memory).*"))
              .map(line -> line.substring(1).strip() + ", ")
              .findFirst()
              .orElse("");
    } catch (IOException e) {
      // Its place is told all the same.
    }
    return Optional.of("; crash report: " + cause + crashReport);
  }
}
