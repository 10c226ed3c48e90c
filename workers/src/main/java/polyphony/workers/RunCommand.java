package polyphony.workers;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecDefaults;

/** {@code polyphony run}: runs an experiment to its end, or goes on with it. */
@Command(
    name = "run",
    description = {
      "Runs an experiment, or goes on with it where an earlier run was interrupted.",
      "",
      "Every field is optional; without a spec and flags this is the default experiment."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Environment: TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE name a Temporal service (else it runs"
          + " in this process); POLYPHONY_S3_ENDPOINT, _BUCKET, _ACCESS_KEY and _SECRET_KEY name an"
          + " S3 store (else --store is used); POLYPHONY_SLOTS bounds the steps at the same time.",
      "",
      "Examples:",
      "  polyphony run",
      "  polyphony run --method debate --agents 5 --seed 1",
      "  polyphony run spec.json --json > result.json",
      "  echo '{\"task\": {\"train\": 100}}' | polyphony run -"
    })
final class RunCommand implements Callable<Integer> {
  private static final String DEMONSTRATION =
      "the built-in model is a demonstration: this is not evidence about large models";

  private final Console console;
  private final Assembler assembler;

  /** Puts the parts of a run together. */
  interface Assembler {
    /**
     * @param store folder of the artifacts where the settings name no S3 endpoint
     */
    Parts assemble(Settings settings, Path store);
  }

  @Spec private CommandSpec command;

  @Mixin private SpecArguments spec;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = Isolation.OPTION, paramLabel = "WHERE", description = Isolation.DESCRIPTION)
  private String isolation;

  @Option(names = "--json", description = "Print the results as one JSON object.")
  private boolean json;

  RunCommand(Console console, Assembler assembler) {
    this.console = console;
    this.assembler = assembler;
  }

  @Override
  public Integer call() throws Exception {
    ExperimentSpec asked = spec.asked(console.in());
    Settings settings = Settings.of(console).withIsolation(isolation);
    try (Parts parts = assembler.assemble(settings, store)) {
      run(console, settings, parts, asked, json, TypedCommand.of(command));
      return 0;
    }
  }

  /**
   * Runs an experiment to its end and shows what it came to.
   *
   * @param resumeCommand what goes on with it
   */
  static void run(
      Console console,
      Settings settings,
      Parts parts,
      ExperimentSpec asked,
      boolean json,
      String resumeCommand)
      throws InterruptedException {
    ExperimentSpec complete = parts.completion().complete(asked);
    String name = SpecArguments.name(asked, complete);
    try (RunSession session = RunSession.start(console, settings, parts, resumeCommand)) {
      // Standard output holds the JSON alone, or else the table.
      RunSummary summary = session.run(name, asked, complete, json ? console.err() : console.out());
      if (complete.baseModel().equals(SpecDefaults.BASE_MODEL)) {
        console.err().println(DEMONSTRATION);
      }
      if (json) {
        console.out().println(summary.json());
      }
    }
  }
}
