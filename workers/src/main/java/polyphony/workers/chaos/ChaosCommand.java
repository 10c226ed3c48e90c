package polyphony.workers.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.storage.PolyphonyException;
import polyphony.workers.Console;

/** {@code polyphony bench chaos}: what faults cost. */
@Command(
    name = "chaos",
    header = "Kills workers and servers, and measures what that costs.",
    description = {
      "Disturbs small experiments on real servers, and measures what is done again and how long it"
          + " takes until work goes on.",
      "",
      "Every trial has servers and workers of its own, started for it with deploy/servers. It passes"
          + " if the experiment ends, its weights are those of an undisturbed one, nothing finished"
          + " was done again, and everything in the store is intact. Trials that fail leave their"
          + " logs behind."
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  polyphony bench chaos --repeat 1 --parallel 2",
      "  polyphony bench chaos --fault kill-in-vote,zombie --json",
      "",
      "Exit codes: 0 every trial passed; 1 not every one did; 2 the input must change."
    },
    mixinStandardHelpOptions = true)
public final class ChaosCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--repeat",
      paramLabel = "COUNT",
      defaultValue = "5",
      description = "Trials of every fault (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--fault",
      paramLabel = "NAME",
      split = ",",
      completionCandidates = FaultNames.class,
      description = "Faults to try (default: all of them); an unknown name lists them.")
  private List<String> names = List.of();

  @Option(
      names = "--parallel",
      paramLabel = "COUNT",
      defaultValue = "1",
      description = "Trials at the same time (default: ${DEFAULT-VALUE}).")
  private int parallel;

  @Option(
      names = "--servers",
      paramLabel = "FILE",
      description = "deploy/servers (default: beside the launcher).")
  private Path servers;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  /** What a shell completes. */
  private static final class FaultNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Fault.all().stream().map(Fault::name).iterator();
    }
  }

  public ChaosCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (repeat < 1 || parallel < 1) {
      throw PolyphonyException.config("--repeat and --parallel are at least 1");
    }
    List<Fault> faults = faults();
    Program program = Program.ofThisProcess(servers);
    Path folder = Files.createTempDirectory("polyphony-chaos-");
    ChaosReport report;
    try (ChaosSuite suite =
        new ChaosSuite(program, folder, parallel, line -> console.err().println(line))) {
      Reference reference = suite.undisturbed();
      List<Outcome> outcomes = new ArrayList<>();
      for (Future<Outcome> outcome : suite.begin(faults, repeat, reference)) {
        outcomes.add(of(outcome));
      }
      report =
          new ChaosReport(
              Runtime.getRuntime().availableProcessors(),
              reference.work().answers(),
              reference.work().trainingSteps(),
              reference.seconds(),
              outcomes);
    }
    if (report.passed()) {
      Files.delete(folder);
    }
    console.out().print(json ? json(report) : report.text());
    return report.passed() ? 0 : 1;
  }

  private List<Fault> faults() {
    List<Fault> all = Fault.all();
    List<String> known = all.stream().map(Fault::name).toList();
    for (String name : names) {
      if (!known.contains(name)) {
        throw PolyphonyException.config(
            "there is no fault \"" + name + "\"; faults are " + String.join(", ", known));
      }
    }
    return all.stream()
        .filter(each -> names.isEmpty() || names.contains(each.name()))
        .collect(Collectors.toList());
  }

  private static Outcome of(Future<Outcome> future) throws IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException known) {
        throw known;
      } else if (e.getCause() instanceof IOException known) {
        throw known;
      }
      throw new IllegalStateException("a trial broke off", e.getCause());
    }
  }

  private static String json(ChaosReport report) {
    try {
      return JsonMapper.builder()
              .enable(SerializationFeature.INDENT_OUTPUT)
              .build()
              .writeValueAsString(report)
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a report is plain data", e);
    }
  }
}
