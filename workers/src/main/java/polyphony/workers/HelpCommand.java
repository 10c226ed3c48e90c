package polyphony.workers;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** {@code polyphony help}: what {@code --help} of a command says. */
@Command(
    name = "help",
    header = "Explains a command.",
    description = "Prints what COMMAND --help prints; without a command, what there is.",
    footer = {"", "Examples:", "  polyphony help run", "  polyphony help data import"},
    mixinStandardHelpOptions = true)
final class HelpCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "COMMAND",
      description = "A command, and one of its own commands.")
  private List<String> names = List.of();

  HelpCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    CommandLine explained = spec.root().commandLine();
    for (String name : names) {
      CommandLine next = explained.getSubcommands().get(name);
      if (next == null) {
        throw new UnmatchedArgumentException(explained, List.of(name));
      }
      explained = next;
    }
    explained.usage(console.out(), explained.getColorScheme());
    return 0;
  }
}
