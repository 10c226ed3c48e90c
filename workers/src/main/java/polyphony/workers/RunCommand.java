package polyphony.workers;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import polyphony.activities.resolve.BuiltInModel;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecDefaults;

/** {@code polyphony run}: runs an experiment to its end, or goes on with it. */
@Command(
    name = "run",
    header = "Runs an experiment, or goes on with an interrupted one.",
    description = {
      "Every field of the spec is optional; without a spec and flags this is the default"
          + " experiment. The same command again goes on where an earlier one stopped: what is"
          + " finished comes from the store.",
      "",
      "Ctrl-C has the work in progress committed. At a Temporal service the experiment then goes on"
          + " without this process, and polyphony watch shows it; else the same command goes on"
          + " with it."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony run",
      "  polyphony run --method debate --agents 5 --seed 1",
      "  polyphony run spec.json --json > result.json",
      "  echo '{\"task\": {\"train\": 100}}' | polyphony run -",
      "",
      "Environment (polyphony config shows it): TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE name a"
          + " Temporal service (else it runs in this process); POLYPHONY_S3_ENDPOINT, _BUCKET,"
          + " _ACCESS_KEY and _SECRET_KEY name an S3 store (else --store is used); POLYPHONY_SLOTS"
          + " bounds the steps at the same time.",
      "",
      "Exit codes: 0 done; 2 the input must change; 1, 130 or 143: the same command again resumes."
    })
final class RunCommand implements Callable<Integer> {
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

  @Mixin private DeviceOption device;

  @Option(
      names = Isolation.OPTION,
      paramLabel = "WHERE",
      completionCandidates = Choices.Isolations.class,
      description = Isolation.DESCRIPTION)
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
    Settings settings = device.over(Settings.of(console)).withIsolation(isolation);
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
        console.err().println(BuiltInModel.DEMONSTRATION);
      }
      if (json) {
        console.out().println(summary.json());
      }
    }
  }
}
