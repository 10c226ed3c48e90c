package polyphony.workers;

import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;

/** What a person typed, ready to be typed again. */
final class TypedCommand {
  private TypedCommand() {}

  static String of(CommandSpec command) {
    return System.getProperty("polyphony.launcher", "polyphony")
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
