package polyphony.workers;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.storage.ArtifactRef;

/** {@code polyphony model list}: the names that a spec's baseModel can be. */
@Command(
    name = "list",
    header = "Lists the models that a spec can name.",
    description = "The built-in one and those that were imported.",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {"", "Examples:", "  polyphony model list", "  polyphony model list --json"})
final class ModelListCommand implements Callable<Integer> {
  /** One model, as {@code --json} prints it. */
  private record Line(
      String name, String checkpoint, String weights, long bytes, ModelAdapter adapter) {}

  private final Console console;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  ModelListCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      List<Line> lines = new ArrayList<>();
      for (String name : access.models().names()) {
        ArtifactRef checkpoint = access.models().checkpoint(name);
        lines.add(
            new Line(
                name,
                checkpoint.sha256(),
                access.checkpoints().weightsSha256(checkpoint),
                access.checkpoints().files(checkpoint).values().stream()
                    .mapToLong(ArtifactRef::bytes)
                    .sum(),
                ModelAdapter.of(checkpoint, access)));
      }
      if (json) {
        console.out().println(PrettyJson.of(lines));
        return 0;
      }
      List<List<String>> rows = new ArrayList<>();
      boolean adapters = lines.stream().anyMatch(line -> line.adapter() != null);
      rows.add(
          adapters
              ? List.of("model", "size", "weights", "adapter")
              : List.of("model", "size", "weights"));
      for (Line line : lines) {
        List<String> row = new ArrayList<>();
        row.add(line.name());
        row.add(Bytes.shown(line.bytes()));
        row.add(line.weights().substring(0, 16));
        if (adapters) {
          row.add(line.adapter() == null ? "" : line.adapter().shown());
        }
        rows.add(row);
      }
      console.out().print(AlignedText.of(rows));
      return 0;
    }
  }
}
