package polyphony.workers.isolation;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import polyphony.storage.PolyphonyException;

/**
 * How a child is started: as this process was, with another main class. The environment is
 * inherited, and with it the store's credentials, which have no place on a command line.
 *
 * @param main given the path at which it answers, a step's a socket, and then {@code arguments}
 * @param crashReports folder for what a dying JVM writes
 */
public record ChildCommand(Class<?> main, List<String> arguments, Path crashReports) {
  /** What must not happen twice on one machine, or is ours to say. */
  private static final List<String> NOT_INHERITED =
      List.of(
          "-agent",
          "-javaagent",
          "-Xrun",
          "-Xdebug",
          "-Xlog",
          "-Dcom.sun.management",
          "-Djava.io.tmpdir=",
          "-XX:ErrorFile",
          "-XX:OnError",
          "-XX:HeapDumpPath",
          "-XX:StartFlightRecording",
          "-XX:FlightRecorderOptions");

  public ChildCommand {
    arguments = List.copyOf(arguments);
    crashReports = crashReports.toAbsolutePath().normalize();
  }

  /**
   * Starts a child.
   *
   * @param answers the first argument: where it is to answer
   * @param temporary the child's folder for temporary files
   */
  public Process start(Path answers, Path temporary) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (NOT_INHERITED.stream().noneMatch(option::startsWith)) {
        command.add(option);
      }
    }
    // Native libraries are unpacked there, and a child that is killed cannot tidy up.
    command.add("-Djava.io.tmpdir=" + temporary);
    command.add("-XX:ErrorFile=" + crashReports.resolve("hs_err_pid%p.log"));
    command.add(main.getName());
    command.add(answers.toString());
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    // In a variable, since ONNX Runtime cannot bear a long command line.
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    try {
      Files.createDirectories(crashReports);
      return builder.start();
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "no process can be started for a step (" + e.getMessage() + "); are there too many?", e);
    }
  }

  public Path crashReport(long processId) {
    return crashReports.resolve("hs_err_pid" + processId + ".log");
  }
}
