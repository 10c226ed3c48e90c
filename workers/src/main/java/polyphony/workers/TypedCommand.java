package polyphony.workers;

import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;

/** What a person typed, ready to be typed again. */
final class TypedCommand {
  private static final String LAUNCHER = System.getProperty("polyphony.launcher", "polyphony");

  private TypedCommand() {}

  /** Another command, for the same program. */
  static String of(String command, String experiment) {
    return LAUNCHER + " " + command + " " + quoted(experiment);
  }

  static String of(CommandSpec command) {
    return LAUNCHER
        + command.root().commandLine().getParseResult().originalArgs().stream()
            .map(TypedCommand::quoted)
            .collect(Collectors.joining(" ", " ", ""));
  }

  private static String quoted(String argument) {
    return argument.matches("[A-Za-z0-9_./:=,@%+-]+")
        ? argument
        : "'" + argument.replace("'", "'\\''") + "'";
  }
}
