package polyphony.workers;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import polyphony.activities.lm.NativeWork;
import polyphony.workers.chaos.ChaosCommand;

/** The command line. */
@Command(
    name = "polyphony",
    description = "Finetunes a society of language models on their own debates.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Examples:",
      "  polyphony run                           the default experiment: three agents, two rounds,",
      "                                          three iterations on arithmetic",
      "  polyphony run --seed 1 --json           another seed, results as JSON",
      "  polyphony run --iterations 5            the same experiment, extended",
      "  polyphony run spec.json --agents 5      a spec from a file, one field overridden",
      "",
      "At a Temporal service (TEMPORAL_ADDRESS):",
      "  polyphony bootstrap                     once: makes service and store ready",
      "  polyphony worker                        does the work, until it is stopped",
      "  polyphony start --seed 1                starts an experiment; watch, status, pause … steer it",
      "",
      "Exit codes: 0 done, 2 the input must be corrected, 1 any other failure, 130 interrupted."
    })
public final class Polyphony implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show warnings of libraries, and the trace of a failure.")
  private boolean verbose;

  private Polyphony(Console console) {
    this.console = console;
  }

  public static void main(String[] arguments) {
    run(Instruments.NONE, arguments);
  }

  /** The program, watched; ends with its process. */
  public static void run(Instruments instruments, String... arguments) {
    // Commands that have work to hand over take signals themselves.
    Signals.take(NativeWork::exit);
    NativeWork.exit(execute(Console.ofProcess(), instruments, arguments));
  }

  /**
   * Runs one command, watched.
   *
   * @return its exit code
   */
  public static int execute(Console console, Instruments instruments, String... arguments) {
    return execute(
        console, (settings, store) -> Assembly.of(settings, store, instruments), arguments);
  }

  /**
   * Runs one command.
   *
   * @return its exit code
   */
  static int execute(Console console, RunCommand.Assembler assembler, String... arguments) {
    Polyphony polyphony = new Polyphony(console);
    CommandLine commands =
        new CommandLine(polyphony)
            .addSubcommand("run", new RunCommand(console, assembler))
            .addSubcommand("start", new StartCommand(console))
            .addSubcommand("list", new ListCommand(console))
            .addSubcommand("status", new StatusCommand(console))
            .addSubcommand("watch", new WatchCommand(console));
    OperatorCommands.addTo(commands, console);
    commands
        .addSubcommand("worker", new WorkerCommand(console, assembler))
        .addSubcommand("bootstrap", new BootstrapCommand(console))
        .addSubcommand("compare", new CompareCommand(console, assembler))
        .addSubcommand("reproduce", new ReproduceCommand(console, assembler))
        .addSubcommand("audit", new AuditCommand(console))
        .addSubcommand("lineage", new LineageCommand(console))
        .addSubcommand("prune", new PruneCommand(console))
        .addSubcommand("model", ModelCommand.commands(console))
        .addSubcommand("data", DataCommand.commands(console))
        .addSubcommand("grade", new GradeCommand(console))
        .addSubcommand("re-grade", new RegradeCommand(console))
        .addSubcommand(
            "bench",
            new CommandLine(new BenchCommand(console))
                .addSubcommand("iteration", new IterationBenchCommand(console))
                .addSubcommand("chaos", new ChaosCommand(console)))
        .addSubcommand("pretrain", new PretrainCommand(console, new NativeRuntime()))
        .addSubcommand("version", new VersionCommand(console));
    commands.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    commands.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    commands.setUsageHelpWidth(Math.max(80, Math.min(console.columns(), 100)));
    commands.setParameterExceptionHandler(
        (exception, given) -> {
          console.err().println("polyphony: " + oneLine(exception.getMessage()));
          return Failure.INPUT;
        });
    commands.setExecutionStrategy(
        parsed -> {
          // Libraries log what they retry, and Polyphony's steps what then fails the run in one
          // line.
          logger("ROOT").setLevel(polyphony.verbose ? Level.WARN : Level.OFF);
          logger("polyphony").setLevel(polyphony.verbose ? Level.INFO : Level.OFF);
          return new CommandLine.RunLast().execute(parsed);
        });
    commands.setExecutionExceptionHandler(
        (exception, command, parsed) -> {
          Failure failure = Failure.of(exception);
          console.err().println("polyphony: " + failure.line());
          if (polyphony.verbose || debug(console)) {
            exception.printStackTrace(console.err());
          }
          return failure.exitCode();
        });
    return commands.execute(arguments);
  }

  private static boolean debug(Console console) {
    String value = console.environment().getOrDefault("POLYPHONY_DEBUG", "");
    return !value.isBlank() && !value.strip().equals("0");
  }

  private static Logger logger(String name) {
    return (Logger) LoggerFactory.getLogger(name);
  }

  private static String oneLine(String message) {
    return String.join(" ", message.lines().map(String::strip).toList())
        + "; polyphony --help shows what there is";
  }

  /** Without a command there is nothing to do. */
  @Override
  public Integer call() {
    new CommandLine(this).usage(console.err());
    return Failure.INPUT;
  }

  /** Prints the version. */
  @Command(name = "version", description = "Prints the version.")
  private static final class VersionCommand implements Callable<Integer> {
    private final Console console;

    VersionCommand(Console console) {
      this.console = console;
    }

    @Override
    public Integer call() {
      for (String line : new Version().getVersion()) {
        console.out().println(line);
      }
      return 0;
    }
  }
}
