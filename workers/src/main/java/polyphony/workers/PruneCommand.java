package polyphony.workers;

import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.storage.PolyphonyException;
import polyphony.storage.audit.Pruning;

/** {@code polyphony prune}: deletes what nobody needs any more. */
@Command(
    name = "prune",
    header = "Shows what nobody needs any more, and deletes it.",
    description = {
      "Nothing is deleted without --delete.",
      "",
      "Without names: objects, manifests, commits and claims that no experiment needs. With names:"
          + " these experiments too, with all that only they needed. Runs that go on, or start"
          + " meanwhile, keep what they need."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony prune",
      "  polyphony prune old-experiment --older-than 1h --delete"
    })
final class PruneCommand implements Callable<Integer> {
  private static final List<String> RECORDS =
      List.of("comparisons/", "data/", "experiments/", "models/");
  private static final Pattern AGE = Pattern.compile("([0-9]{1,4})([hd])");

  private final Console console;

  @Parameters(arity = "0..*", paramLabel = "EXPERIMENT", description = "Experiments to do without.")
  private List<String> names = new ArrayList<>();

  @Option(
      names = "--older-than",
      paramLabel = "AGE",
      defaultValue = "7d",
      description =
          "Keep what was written within this time (default: ${DEFAULT-VALUE}; at least 1h, since"
              + " running steps store objects before they name them).")
  private String age;

  @Option(names = "--delete", description = "Delete it.")
  private boolean delete;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object, with every key.")
  private boolean json;

  PruneCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = Settings.of(console);
    Duration older = age();
    Set<String> dropped = new TreeSet<>(names);
    try (StoreAccess access = StoredExperiments.existing(settings, store)) {
      if (settings.temporal().isPresent()) {
        // Unreachable, it may be running what is to be dropped: this ends here then.
        try (TemporalAccess temporal =
            TemporalAccess.connect(settings.temporal().get(), Person.identity())) {
          checkClosed(temporal.client(), dropped);
        }
      }
      Pruning pruning = pruning(access);
      Pruning.Plan plan = pruning.plan(dropped, older);
      if (delete) {
        plan = new Pruning.Plan(pruning.delete(dropped, older), plan.young(), plan.youngBytes());
      }
      console.out().print(json ? PrettyJson.of(shown(plan)) + "\n" : text(plan));
      return 0;
    }
  }

  /** What prunes a store. */
  static Pruning pruning(StoreAccess access) {
    return new Pruning(access.objects(), AuditCommand.steps(access), RECORDS, Clock.systemUTC());
  }

  private Duration age() {
    Matcher given = AGE.matcher(age);
    if (given.matches()) {
      long count = Long.parseLong(given.group(1));
      Duration duration =
          given.group(2).equals("h") ? Duration.ofHours(count) : Duration.ofDays(count);
      if (duration.compareTo(Duration.ofHours(1)) >= 0) {
        return duration;
      }
    }
    throw PolyphonyException.config(
        "--older-than is \"" + age + "\"; it must be hours or days, 1h or more, such as 12h or 7d");
  }

  private static void checkClosed(WorkflowClient client, Set<String> names) {
    for (String name : names) {
      boolean open =
          new RemoteExperiment(client, name)
              .description()
              .filter(
                  each ->
                      each.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
              .isPresent();
      if (open) {
        throw PolyphonyException.config(
            "experiment " + name + " is running at Temporal: abort it, or wait for its end");
      }
    }
  }

  private Map<String, Object> shown(Pruning.Plan plan) {
    return Map.of(
        "deleted",
        delete,
        "items",
        plan.items(),
        "young",
        plan.young(),
        "youngBytes",
        plan.youngBytes());
  }

  private String text(Pruning.Plan plan) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of(delete ? "deleted" : "would be deleted", "count", "bytes"));
    for (Pruning.Kind kind : Pruning.Kind.values()) {
      if (plan.count(kind) > 0) {
        rows.add(
            List.of(kind.shown(), Long.toString(plan.count(kind)), Bytes.shown(plan.bytes(kind))));
      }
    }
    StringBuilder text =
        new StringBuilder(rows.size() == 1 ? "nothing to prune\n" : AlignedText.of(rows));
    if (plan.young() > 0) {
      text.append(plan.young() == 1 ? "1 object" : plan.young() + " objects")
          .append(" more (")
          .append(Bytes.shown(plan.youngBytes()))
          .append(") that nobody names, written within ")
          .append(age)
          .append(": kept\n");
    }
    if (!delete && rows.size() > 1) {
      text.append("nothing is deleted yet: give the command again with --delete\n");
    }
    return text.toString();
  }
}
