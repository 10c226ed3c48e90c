package polyphony.workers;

import java.nio.file.Path;
import polyphony.activities.compare.Comparison;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.ComparisonSpec;
import polyphony.workflows.ExperimentNames;

/** Runs the experiments of a comparison, and reads what they came to. */
final class ComparisonSession {
  private final Console console;
  private final RunCommand.Assembler assembler;
  private final Path store;

  /**
   * @param store folder of the artifacts where the settings name no S3 endpoint
   */
  ComparisonSession(Console console, RunCommand.Assembler assembler, Path store) {
    this.console = console;
    this.assembler = assembler;
    this.store = store;
  }

  /**
   * @param typed what a person can type to go on where this is interrupted
   * @throws polyphony.workflows.InvalidSpecException where the spec is not allowed
   * @throws io.temporal.client.WorkflowException where the comparison failed
   */
  Comparison run(ComparisonSpec asked, String typed) throws InterruptedException {
    // What is wrong is said before anything is started.
    asked.experiments();
    Settings settings = Settings.of(console);
    ComparisonResult result;
    try (Parts parts = assembler.assemble(settings, store);
        RunSession session = RunSession.start(console, settings, parts, typed)) {
      String name = asked.comparison() == null ? ExperimentNames.derive(asked) : asked.comparison();
      result = session.compare(name, asked);
    }
    try (StoreAccess access = StoreAccess.open(settings, store)) {
      return Comparison.of(access.objects(), access.artifacts(), result.experiments());
    }
  }
}
