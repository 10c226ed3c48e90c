package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.WholeFile;
import polyphony.activities.report.ReportStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;

/** {@code polyphony report}: an experiment or a comparison as one HTML file. */
@Command(
    name = "report",
    header = "Writes an experiment or a comparison as one HTML file.",
    description = {
      "Writes what an experiment or a comparison came to as one HTML file that needs no network:"
          + " figures with intervals, debates to read, training curves, lineage with every hash,"
          + " cost, versions and the spec.",
      "",
      "The store keeps it too, under the experiment's or comparison's name. Of a running experiment"
          + " it is a report so far. Several experiments are set side by side, as compare does."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony report mine",
      "  polyphony report comparison-1a2b3c4d --output table.html",
      "  polyphony report multi-0 multi-1 single-0 single-1"
    })
final class ReportCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      arity = "1..*",
      paramLabel = "EXPERIMENT|COMPARISON",
      description = "Its name, or the names of several experiments.")
  private List<String> names;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Where to write it (default: ./NAME.html).")
  private Path output;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object: what was written, and where.")
  private boolean json;

  /**
   * What {@code --json} prints.
   *
   * @param artifact the same in the store
   * @param key of the record in the store that names the artifact
   */
  @JsonPropertyOrder({"name", "file", "bytes", "artifact", "key"})
  private record Written(String name, String file, long bytes, ArtifactRef artifact, String key) {}

  ReportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (StoreAccess access = StoredExperiments.existing(Settings.of(console), store)) {
      ReportStep.Written report = new ReportStep(access.objects(), access.artifacts()).run(names);
      Path file = output == null ? Path.of(report.name() + ".html") : output;
      try (LocalCache.Pinned page = access.artifacts().open(report.page())) {
        write(page.path(), file);
      }
      console
          .out()
          .println(
              json
                  ? PrettyJson.of(
                      new Written(
                          report.name(),
                          file.toString(),
                          report.page().bytes(),
                          report.page(),
                          report.key()))
                  : file
                      + ": "
                      + Bytes.shown(report.page().bytes())
                      + ", kept in the store as "
                      + report.key());
      return 0;
    }
  }

  /** Whole or not at all, so that a browser never sees half of it. */
  private static void write(Path page, Path file) {
    if (Files.isDirectory(file)) {
      throw PolyphonyException.config("--output " + file + " is a folder; name a file in it");
    }
    try (InputStream content = Files.newInputStream(page)) {
      WholeFile.write(content, file);
    } catch (IOException e) {
      throw PolyphonyException.config(
          "cannot write "
              + file
              + " ("
              + e.getClass().getSimpleName()
              + "): name a file in a folder that is there and can be written, with --output");
    }
  }
}
