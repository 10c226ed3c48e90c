package polyphony.workers;

import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is said of a command line that cannot be understood. */
final class CommandMistake {
  private CommandMistake() {}

  /** One line: what is wrong, what was probably meant, and where to read on. */
  static String line(ParameterException mistake) {
    CommandLine command = mistake.getCommandLine();
    String what =
        mistake instanceof UnmatchedArgumentException unmatched
            ? unmatched(command, unmatched)
            : String.join(" ", mistake.getMessage().lines().map(String::strip).toList());
    return what
        + (what.endsWith("?") ? " See " : "; see ")
        + command.getCommandSpec().qualifiedName()
        + " --help";
  }

  private static String unmatched(CommandLine command, UnmatchedArgumentException mistake) {
    String given = mistake.getUnmatched().get(0);
    if (mistake.isUnknownOption()) {
      String option = given.replaceFirst("=.*", "");
      return "there is no option "
          + option
          + NearName.question(option, command.getCommandSpec().optionsMap().keySet());
    }
    return command.getSubcommands().isEmpty()
        ? "there is no place for \"" + given + "\""
        : "there is no command "
            + given
            + NearName.question(given, command.getSubcommands().keySet());
  }
}
