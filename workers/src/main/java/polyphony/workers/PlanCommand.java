package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import polyphony.activities.plan.Plan;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;

/** {@code polyphony plan}: what an experiment will take, before it runs. */
@Command(
    name = "plan",
    header = "Says what an experiment will take, before it runs.",
    description = {
      "Which of its steps are in the store already, how long the others will take, what they store"
          + " and how much memory they need.",
      "",
      "The rates are those of earlier steps with the same base model in the same store. Where there"
          + " are none, a pilot of a few questions is run first: an experiment of its own, which"
          + " nobody is told of and polyphony prune removes."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony plan",
      "  polyphony plan spec.json --iterations 5",
      "  polyphony plan --method single-agent-ft --json --no-measure"
    })
final class PlanCommand implements Callable<Integer> {
  /** Two sizes, so that what a step takes beside its questions shows. */
  private static final int PILOT_TRAIN = 80;

  private static final int PILOT_EVALUATE = 40;

  private final Console console;
  private final RunCommand.Assembler assembler;

  @Spec private CommandSpec command;

  @Mixin private SpecArguments spec;

  @Option(
      names = "--no-measure",
      description = "Run no pilot, also where there is no forecast without one.")
  private boolean noMeasure;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print the plan as one JSON object.")
  private boolean json;

  PlanCommand(Console console, RunCommand.Assembler assembler) {
    this.console = console;
    this.assembler = assembler;
  }

  /**
   * What {@code plan --json} prints.
   *
   * @param forecast null where there is none
   */
  record Printed(
      String experiment,
      @JsonInclude(JsonInclude.Include.ALWAYS) Forecast forecast,
      List<Plan.Row> steps) {
    static Printed of(Planner.Planned planned) {
      return new Printed(
          planned.plan().experiment().name(),
          planned.forecast().orElse(null),
          planned.plan().rows(planned.rates()));
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    ExperimentSpec asked = spec.asked(console.in());
    Settings settings = Settings.of(console);
    try (Parts parts = assembler.assemble(settings, store)) {
      ExperimentSpec complete = parts.completion().complete(asked);
      String name = SpecArguments.name(asked, complete);
      Planner.Planned planned = parts.planning().plan(name, asked);
      boolean measure = planned.forecast().isEmpty() && !noMeasure;
      if (measure) {
        pilot(settings, parts, complete);
        planned = parts.planning().plan(name, asked);
      }
      if (json) {
        console.out().println(PrettyJson.of(Printed.of(planned)));
      } else {
        console.out().print(PlanText.of(planned, measure));
      }
      return 0;
    }
  }

  /** Runs the same experiment on a few questions, by which everything is measured. */
  private void pilot(Settings settings, Parts parts, ExperimentSpec complete)
      throws InterruptedException {
    ExperimentSpec pilot = complete.pilot(PILOT_TRAIN, PILOT_EVALUATE);
    String name = ExperimentNames.pilot(pilot);
    console
        .err()
        .println(
            "nothing like it was measured in this store: a pilot is run first; an hour after it, "
                + TypedCommand.of("prune", name)
                + " --older-than 1h --delete removes it");
    try (RunSession session = RunSession.start(console, settings, parts, TypedCommand.of(command));
        PrintStream nowhere =
            new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)) {
      session.run(name, pilot.withName(name), pilot.withName(name), nowhere);
    }
  }
}
