package polyphony.workers;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.workflows.OperatorActions;

/** What an operator can do to a running experiment: each command sends one update. */
final class OperatorCommands {
  private OperatorCommands() {}

  static void addTo(CommandLine commands, Console console) {
    commands
        .addSubcommand(OperatorActions.PAUSE, new Pause(console))
        .addSubcommand(OperatorActions.RESUME, new Resume(console))
        .addSubcommand(OperatorActions.STOP_AFTER_ITERATION, new StopAfterIteration(console))
        .addSubcommand(OperatorActions.EXTEND, new Extend(console))
        .addSubcommand(OperatorActions.RETRY, new Retry(console))
        .addSubcommand(OperatorActions.SKIP, new Skip(console))
        .addSubcommand(OperatorActions.RECOMPUTE, new RecomputeCommand(console))
        .addSubcommand(OperatorActions.ABORT, new Abort(console));
  }

  /**
   * What {@code --json} prints.
   *
   * @param answer what the experiment, or who acts in its stead, says to it
   */
  record Done(String experiment, String action, String answer) {}

  /** Sends one update and prints the answer. */
  private abstract static class Action implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
    private String name;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    Action(Console console) {
      this.console = console;
    }

    final int send(String update, Object... arguments) throws InterruptedException {
      TemporalSettings settings =
          Settings.of(console).requireTemporal("steering an experiment needs");
      try (TemporalAccess temporal = TemporalAccess.connect(settings, Person.identity())) {
        RemoteExperiment experiment = new RemoteExperiment(temporal.client(), name);
        String answer = experiment.update(update, arguments);
        console.out().println(json ? PrettyJson.of(new Done(name, update, answer)) : answer);
      }
      return 0;
    }
  }

  @Command(
      name = OperatorActions.PAUSE,
      header = "Holds a running experiment.",
      description = "Running steps commit and stop within a minute; resume goes on from there.",
      footer = {"", "Examples:", "  polyphony pause mine", "  polyphony pause mine --json"},
      mixinStandardHelpOptions = true)
  private static final class Pause extends Action {
    Pause(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.PAUSE);
    }
  }

  @Command(
      name = OperatorActions.RESUME,
      header = "Goes on with a paused experiment.",
      description =
          "Steps go on from their last commit. A closed experiment is started again with start.",
      footer = {"", "Examples:", "  polyphony resume mine", "  polyphony resume mine --json"},
      mixinStandardHelpOptions = true)
  private static final class Resume extends Action {
    Resume(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.RESUME);
    }
  }

  @Command(
      name = OperatorActions.STOP_AFTER_ITERATION,
      header = "Ends an experiment after the iteration under way.",
      description =
          "It ends completed, with the results so far; start --iterations goes on with it.",
      footer = {
        "",
        "Examples:",
        "  polyphony stop-after-iteration mine",
        "  polyphony stop-after-iteration mine --json"
      },
      mixinStandardHelpOptions = true)
  private static final class StopAfterIteration extends Action {
    StopAfterIteration(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.STOP_AFTER_ITERATION);
    }
  }

  @Command(
      name = OperatorActions.EXTEND,
      header = "Adds iterations to a running experiment.",
      description = "A closed one is extended by starting it again with more --iterations.",
      footer = {"", "Examples:", "  polyphony extend mine 2", "  polyphony extend mine 1 --json"},
      mixinStandardHelpOptions = true)
  private static final class Extend extends Action {
    @Parameters(index = "1", paramLabel = "COUNT", description = "How many more.")
    private int count;

    Extend(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.EXTEND, count);
    }
  }

  @Command(
      name = OperatorActions.RETRY,
      header = "Tries steps again that need attention.",
      description = "They go on from their last commit. First mend what status says is wrong.",
      footer = {
        "",
        "Examples:",
        "  polyphony retry mine",
        "  polyphony retry mine \"train critic 2 of 3 · 412 examples\""
      },
      mixinStandardHelpOptions = true)
  private static final class Retry extends Action {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "STEP",
        description = "One of them, as status shows it (default: all).")
    private String step;

    Retry(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.RETRY, step);
    }
  }

  @Command(
      name = OperatorActions.SKIP,
      header = "Goes on without steps that need attention.",
      description =
          "Without a training an agent keeps its weights; without a debate its questions stay"
              + " unlabelled. What else needs attention is retried.",
      footer = {
        "",
        "Examples:",
        "  polyphony skip mine",
        "  polyphony skip mine \"train critic 2 of 3 · 412 examples\""
      },
      mixinStandardHelpOptions = true)
  private static final class Skip extends Action {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "STEP",
        description = "One of them, as status shows it (default: all).")
    private String step;

    Skip(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.SKIP, step);
    }
  }

  @Command(
      name = OperatorActions.ABORT,
      header = "Ends an experiment now.",
      description = "What is finished is kept; polyphony start under its name resumes it.",
      footer = {
        "",
        "Examples:",
        "  polyphony abort mine",
        "  polyphony abort mine \"the wrong seed\""
      },
      mixinStandardHelpOptions = true)
  private static final class Abort extends Action {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "REASON",
        description = "Kept with the experiment.")
    private String reason;

    Abort(Console console) {
      super(console);
    }

    @Override
    public Integer call() throws InterruptedException {
      return send(OperatorActions.ABORT, reason);
    }
  }
}
