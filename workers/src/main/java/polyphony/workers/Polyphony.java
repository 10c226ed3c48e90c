package polyphony.workers;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import polyphony.activities.lm.NativeWork;
import polyphony.storage.PolyphonyException;
import polyphony.workers.chaos.ChaosCommand;
import polyphony.workers.devicecheck.DeviceCommand;

/** The command line. */
@Command(
    name = "polyphony",
    header = "Finetunes a society of language models on their own debates.",
    description =
        "Runs experiments here, or at a Temporal service (TEMPORAL_ADDRESS) with workers anywhere.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Examples:",
      "  polyphony run                         # the default experiment",
      "  polyphony run --seed 1 --json         # another seed, results as JSON",
      "  polyphony run --iterations 5          # the same experiment, extended",
      "  polyphony start spec.json --agents 5  # for workers: a spec, one field other",
      "",
      "polyphony help COMMAND explains a command, polyphony config what is set and by whom.",
      "Exit codes: 0 done; 2 the input must be corrected; 1 any other failure; 130, 143 interrupted."
    })
public final class Polyphony implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec spec;

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
        console,
        (settings, store) -> Assembly.of(settings, store, instruments, console.err()::println),
        arguments);
  }

  /**
   * Runs one command.
   *
   * @return its exit code
   */
  static int execute(Console console, RunCommand.Assembler assembler, String... arguments) {
    return commands(console, assembler).execute(arguments);
  }

  /** Every command, ready to be executed. */
  static CommandLine commands(Console console, RunCommand.Assembler assembler) {
    Polyphony polyphony = new Polyphony(console);
    CommandLine commands =
        new CommandLine(polyphony)
            .addSubcommand("run", new RunCommand(console, assembler))
            .addSubcommand("plan", new PlanCommand(console, assembler))
            .addSubcommand("fork", new ForkCommand(console, assembler))
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
        .addSubcommand("report", new ReportCommand(console))
        .addSubcommand("serve", new ServeCommand(console))
        .addSubcommand("ask", new AskCommand(console, NativeRuntime::new))
        .addSubcommand("audit", new AuditCommand(console))
        .addSubcommand("lineage", new LineageCommand(console))
        .addSubcommand("prune", new PruneCommand(console))
        .addSubcommand("export", ExportCommand.commands(console))
        .addSubcommand("model", ModelCommand.commands(console))
        .addSubcommand("data", DataCommand.commands(console))
        .addSubcommand("grade", new GradeCommand(console))
        .addSubcommand("re-grade", new RegradeCommand(console))
        .addSubcommand(
            "bench",
            new CommandLine(new BenchCommand(console))
                .addSubcommand("iteration", new IterationBenchCommand(console))
                .addSubcommand("device", new DeviceCommand(console))
                .addSubcommand("adapters", new AdapterBenchCommand(console))
                .addSubcommand("training", new TrainingBenchCommand(console))
                .addSubcommand("chaos", new ChaosCommand(console)))
        .addSubcommand("pretrain", new PretrainCommand(console, NativeRuntime::new))
        .addSubcommand("config", new ConfigCommand(console))
        .addSubcommand("completion", new CompletionCommand(console))
        .addSubcommand("version", new VersionCommand(console))
        .addSubcommand("help", new HelpCommand(console));
    commands.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    commands.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    commands.setColorScheme(Help.defaultColorScheme(console.outColours()));
    commands.setDefaultValueProvider(argument -> configured(console, argument));
    CommandHelp.dress(commands, console.columns());
    commands.setParameterExceptionHandler(
        (exception, given) -> {
          complain(console, CommandMistake.line(exception));
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
          complain(console, failure.line());
          if (polyphony.verbose || debug(console)) {
            exception.printStackTrace(console.err());
          }
          return failure.exitCode();
        });
    return commands;
  }

  private static void complain(Console console, String line) {
    // Apart, since a line may hold what looks like the library's own marks.
    console.err().println(console.errColours().string("@|bold,red polyphony:|@ ") + line);
  }

  /** Every command's {@code --store} is the configured one, unless it is given. */
  private static String configured(Console console, ArgSpec argument) {
    if (!(argument instanceof OptionSpec option) || !option.longestName().equals("--store")) {
      return null;
    }
    try {
      return Configuration.read(console.environment())
          .value(Setting.STORE)
          .map(Configuration.Value::text)
          .orElse(null);
    } catch (PolyphonyException e) {
      // Whoever uses the store reads the settings too, and says this then; help needs neither.
      return null;
    }
  }

  private static boolean debug(Console console) {
    try {
      return Settings.of(console).debug();
    } catch (PolyphonyException e) {
      // It is what has just been told.
      return false;
    }
  }

  private static Logger logger(String name) {
    return (Logger) LoggerFactory.getLogger(name);
  }

  /** Without a command there is nothing to do. */
  @Override
  public Integer call() {
    spec.commandLine().usage(console.err(), Help.defaultColorScheme(console.errColours()));
    return Failure.INPUT;
  }

  /** Prints the version. */
  @Command(
      name = "version",
      header = "Prints the version.",
      description = "That of this program, and of the Java that it runs on.",
      footer = {"", "Examples:", "  polyphony version", "  polyphony version --json"},
      mixinStandardHelpOptions = true)
  private static final class VersionCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    VersionCommand(Console console) {
      this.console = console;
    }

    /** What {@code version --json} prints. */
    private record Versions(String polyphony, String java) {}

    @Override
    public Integer call() {
      if (json) {
        console
            .out()
            .println(
                PrettyJson.of(new Versions(Version.number(), System.getProperty("java.version"))));
        return 0;
      }
      for (String line : new Version().getVersion()) {
        console.out().println(line);
      }
      return 0;
    }
  }
}
