package polyphony.workers;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.InputStream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Parameters;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecDefaults;

/** How a command is told which experiment: a file, and flags that win over it. */
final class SpecArguments {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "SPEC.json",
      description = "A file with the spec as a JSON object, or - for standard input.")
  private String file;

  @ArgGroup(validate = false, heading = "%nFields of the spec, which win over its file:%n")
  private SpecFlags flags = new SpecFlags();

  /**
   * The spec as written, checked as far as that goes without its base model.
   *
   * @throws polyphony.storage.PolyphonyException CONFIG for what cannot be read
   * @throws polyphony.workflows.InvalidSpecException for values that are not allowed
   */
  ExperimentSpec asked(InputStream in) {
    ObjectNode written = file == null ? SpecReader.empty() : SpecReader.read(file, in);
    ExperimentSpec asked = SpecReader.spec(flags.over(written));
    SpecDefaults.check(asked);
    return asked;
  }

  /** The name that was asked for, or else the one that the complete spec leads to. */
  static String name(ExperimentSpec asked, ExperimentSpec complete) {
    return asked.experiment() == null ? ExperimentNames.derive(complete) : asked.experiment();
  }
}
