package polyphony.workers;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecDefaults;

/** {@code polyphony fork}: goes on from an iteration of an experiment with other settings. */
@Command(
    name = "fork",
    header = "Goes on from an iteration of an experiment with other settings.",
    description = {
      "Makes a new experiment that is the earlier one until that iteration, and runs it.",
      "",
      "What came before that iteration, and whatever of it the other settings do not change, is"
          + " shared with the earlier experiment and not computed again; what will be is shown"
          + " first. In a spec, a fork is {\"fork\": {\"experiment\": NAME, \"iteration\": N}}."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony fork mine --from 2 --set criticMix=0.5",
      "  polyphony fork mine --from 3 --set training.epochs=1 --experiment shorter",
      "  polyphony fork mine --from 2 --set startFrom=base --only-plan"
    })
final class ForkCommand implements Callable<Integer> {
  private final Console console;
  private final RunCommand.Assembler assembler;

  @Spec private CommandSpec command;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "The experiment to go on from.")
  private String origin;

  @Option(
      names = "--from",
      required = true,
      paramLabel = "ITERATION",
      description = "The first iteration with the other settings.")
  private int iteration;

  @Option(
      names = "--set",
      paramLabel = "FIELD=VALUE",
      description =
          "A field of the spec, such as criticMix=0.5 or training.critic.epochs=3; may be given"
              + " several times. Allowed are rounds, iterations, seed, summaries, tieRule,"
              + " minimumVotes, criticMix, criticLoss, startFrom, sampling and training.")
  private Map<String, String> fields = Map.of();

  @Option(
      names = "--experiment",
      paramLabel = "NAME",
      description = "Name of the new experiment; derived from its spec where it is left out.")
  private String name;

  @Option(names = "--only-plan", description = "Show what would be done, and do nothing.")
  private boolean onlyPlan;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print the results, or the plan, as one JSON object.")
  private boolean json;

  ForkCommand(Console console, RunCommand.Assembler assembler) {
    this.console = console;
    this.assembler = assembler;
  }

  @Override
  public Integer call() throws InterruptedException {
    ExperimentSpec asked = asked();
    Settings settings = Settings.of(console);
    try (Parts parts = assembler.assemble(settings, store)) {
      ExperimentSpec complete = parts.completion().complete(asked);
      Planner.Planned planned = parts.planning().plan(SpecArguments.name(asked, complete), asked);
      (json ? console.err() : console.out()).print(PlanText.of(planned));
      if (!onlyPlan) {
        RunCommand.run(console, settings, parts, asked, json, TypedCommand.of(command));
      } else if (json) {
        console.out().println(PrettyJson.of(PlanCommand.Printed.of(planned)));
      }
      return 0;
    }
  }

  private ExperimentSpec asked() {
    ObjectNode spec = SpecReader.empty();
    spec.putObject("fork").put("experiment", origin).put("iteration", iteration);
    if (name != null) {
      spec.put("experiment", name);
    }
    fields.forEach((field, value) -> set(spec, field, value));
    ExperimentSpec asked = SpecReader.spec(spec);
    SpecDefaults.check(asked);
    return asked;
  }

  /** What has an option of its own must not be set past it either. */
  private static void set(ObjectNode spec, String field, String value) {
    if (!SpecDefaults.CHANGED_BY_FORK.contains(field.split("\\.", 2)[0])) {
      throw PolyphonyException.config(
          "--set "
              + field
              + ": a fork cannot change it; allowed are "
              + String.join(", ", SpecDefaults.CHANGED_BY_FORK));
    }
    SpecReader.set(spec, field, value);
  }
}
