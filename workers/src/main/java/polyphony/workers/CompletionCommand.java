package polyphony.workers;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code polyphony completion}: lets a shell complete commands, options and their values. */
@Command(
    name = "completion",
    header = "Prints a script that lets a shell complete commands.",
    description = "Completes commands, options, and values of which there is a fixed choice.",
    footer = {
      "",
      "Examples:",
      "  source <(polyphony completion bash)           # now, or in ~/.bashrc",
      "  source <(polyphony completion zsh)            # now, or in ~/.zshrc"
    },
    mixinStandardHelpOptions = true)
final class CompletionCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec spec;

  /** Shells that the same script serves. */
  private enum Shell {
    bash,
    zsh
  }

  @Parameters(index = "0", paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
  private Shell shell;

  CompletionCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    console
        .out()
        .print(
            switch (shell) {
              case bash, zsh -> AutoComplete.bash(spec.root().name(), spec.root().commandLine());
            });
    return 0;
  }
}
