package polyphony.workers;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
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

  /** Sends one update and prints the answer. */
  private abstract static class Action implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
    private String name;

    Action(Console console) {
      this.console = console;
    }

    final int send(String update, Object... arguments) throws InterruptedException {
      TemporalSettings settings =
          Settings.of(console).requireTemporal("steering an experiment needs");
      try (TemporalAccess temporal = TemporalAccess.connect(settings, Person.identity())) {
        RemoteExperiment experiment = new RemoteExperiment(temporal.client(), name);
        console.out().println(experiment.update(update, arguments));
      }
      return 0;
    }
  }

  @Command(
      name = OperatorActions.PAUSE,
      description = "Holds an experiment: running steps commit and stop.",
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
      description = "Goes on with a paused experiment.",
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
      description = "Ends an experiment, with its results, after the iteration under way.",
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
      description = "Adds iterations to a running experiment.",
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
      description = "Tries steps again that need attention, from their last commit.",
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
      description =
          "Goes on without steps that need attention: an agent keeps its weights, questions stay"
              + " unlabelled.",
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
      description = "Ends an experiment now. What is finished is kept.",
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
