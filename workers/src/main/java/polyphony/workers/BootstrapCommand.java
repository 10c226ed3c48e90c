package polyphony.workers;

import com.google.protobuf.util.Durations;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.namespace.v1.NamespaceConfig;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.RegisterNamespaceRequest;
import io.temporal.api.workflowservice.v1.UpdateNamespaceRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.S3ObjectStore;
import polyphony.storage.S3Settings;

/** {@code polyphony bootstrap}: makes servers ready for experiments. */
@Command(
    name = "bootstrap",
    header = "Makes servers ready for experiments.",
    description = {
      "Prepares a Temporal service and an S3 store: namespace, retention, search attributes, bucket."
          + " What is there already is left as it is; run it as often as you like.",
      "",
      "Also finds out whether the store keeps what Polyphony relies on and whether clocks agree."
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  polyphony bootstrap",
      "  polyphony bootstrap --retention 730 --ui http://localhost:8233",
      "",
      "Environment: TEMPORAL_ADDRESS (needed), TEMPORAL_NAMESPACE; POLYPHONY_S3_…;"
          + " POLYPHONY_UI_ADDRESS."
    },
    mixinStandardHelpOptions = true)
final class BootstrapCommand implements Callable<Integer> {
  private static final int YEAR = 365;
  private static final long ANSWER_SECONDS = 20;
  private static final Duration TOLERATED = Duration.ofMinutes(1);

  private final Console console;

  @Option(
      names = "--retention",
      paramLabel = "DAYS",
      description =
          "How long Temporal keeps the histories of closed experiments (default: at least a year).")
  private Integer retention;

  @Option(
      names = "--ui",
      paramLabel = "ADDRESS",
      description = "Temporal's Web UI, for the link (default: the setting ui_address).")
  private String ui;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  BootstrapCommand(Console console) {
    this.console = console;
  }

  /**
   * What {@code bootstrap --json} prints.
   *
   * @param registered search attributes that were not there
   * @param store null where none is named
   * @param start where the Web UI starts an experiment; null where nobody said where that is
   */
  private record Prepared(
      String service, String namespace, Set<String> registered, String store, String start) {}

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = Settings.of(console);
    TemporalSettings service = settings.requireTemporal("there is nothing to prepare without");
    if (retention != null && (retention < 1 || retention > 100 * YEAR)) {
      throw PolyphonyException.config(
          "--retention is " + retention + "; it must be a number of days from 1 to " + 100 * YEAR);
    }
    Optional<String> address =
        Optional.ofNullable(ui)
            .map(each -> Settings.address(each, "--ui", Settings.WEB_UI))
            .or(settings::uiAddress);
    Set<String> registered;
    try (TemporalAccess temporal = TemporalAccess.unchecked(service, Person.identity())) {
      Patience patience = Patience.brief(TemporalAccess.CONNECT);
      say(patience.until(() -> namespace(temporal)).orElseThrow());
      registered = SearchAttributes.register(temporal);
      say(
          "search attributes: "
              + (registered.isEmpty()
                  ? "all there"
                  : String.join(", ", registered) + " registered"));
      checkClock(service.toString(), ClockSkew.of(temporal));
    }
    if (settings.s3().isPresent()) {
      prepare(settings.s3().get());
    } else {
      say("store: none given (POLYPHONY_S3_…); workers of one machine can share a folder");
    }
    String start =
        address
            .map(each -> new WebUi(each, service.namespace()).start("my-experiment"))
            .orElse(null);
    say(
        start == null
            ? "for a link that starts an experiment, name the Web UI: --ui ADDRESS"
            : "start an experiment (an empty input is the default one): " + start);
    if (json) {
      console
          .out()
          .println(
              PrettyJson.of(
                  new Prepared(
                      service.address(),
                      service.namespace(),
                      registered,
                      settings.s3().map(Object::toString).orElse(null),
                      start)));
    }
    return 0;
  }

  /** Makes the namespace, or sees to its retention. */
  private String namespace(TemporalAccess temporal) {
    WorkflowServiceBlockingStub stub =
        temporal.stubs().blockingStub().withDeadlineAfter(ANSWER_SECONDS, TimeUnit.SECONDS);
    long wanted = retention == null ? YEAR : retention;
    try {
      long days =
          Durations.toDays(
              stub.describeNamespace(
                      DescribeNamespaceRequest.newBuilder()
                          .setNamespace(temporal.namespace())
                          .build())
                  .getConfig()
                  .getWorkflowExecutionRetentionTtl());
      if (days == wanted || (retention == null && days > wanted)) {
        return kept(temporal, days, "");
      }
      return retain(temporal, stub, days, wanted);
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return make(temporal, stub, wanted);
      }
      throw temporal.failure(e);
    }
  }

  private static String retain(
      TemporalAccess temporal, WorkflowServiceBlockingStub stub, long days, long wanted) {
    try {
      stub.updateNamespace(
          UpdateNamespaceRequest.newBuilder()
              .setNamespace(temporal.namespace())
              .setConfig(
                  NamespaceConfig.newBuilder()
                      .setWorkflowExecutionRetentionTtl(Durations.fromDays(wanted)))
              .build());
      return kept(temporal, wanted, " (until now " + days(days) + ")");
    } catch (StatusRuntimeException e) {
      return switch (e.getStatus().getCode()) {
        case UNIMPLEMENTED, PERMISSION_DENIED ->
            kept(temporal, days, ", which this client cannot change");
        default -> throw temporal.failure(e);
      };
    }
  }

  private static String make(
      TemporalAccess temporal, WorkflowServiceBlockingStub stub, long wanted) {
    try {
      stub.registerNamespace(
          RegisterNamespaceRequest.newBuilder()
              .setNamespace(temporal.namespace())
              .setWorkflowExecutionRetentionPeriod(Durations.fromDays(wanted))
              .build());
      return kept(temporal, wanted, " (made now)");
    } catch (StatusRuntimeException e) {
      throw temporal.failure(e);
    }
  }

  private static String kept(TemporalAccess temporal, long days, String how) {
    return temporal
        + ": namespace "
        + temporal.namespace()
        + " keeps closed experiments for "
        + days(days)
        + how;
  }

  private static String days(long days) {
    return days == 1 ? "1 day" : days + " days";
  }

  private void prepare(S3Settings settings) {
    boolean made = S3ObjectStore.createBucket(settings);
    // Opening it probes conditional writes.
    try (ObjectStore objects = new S3ObjectStore(settings)) {
      checkOwnWrites(objects);
    }
    say(
        "store: "
            + settings
            + (made ? " made" : " is there")
            + "; conditional writes and reading one's own writes work");
    checkClock(settings.endpoint(), ClockSkew.of(settings));
  }

  private static void checkOwnWrites(ObjectStore objects) {
    String key = "probe/" + UUID.randomUUID();
    try {
      for (String text : new String[] {"first", "and the second"}) {
        byte[] content = text.getBytes(StandardCharsets.US_ASCII);
        objects.write(key, content);
        if (!Arrays.equals(objects.bytes(key, content.length), content)
            || !objects.list("probe/").contains(key)) {
          throw stale(objects);
        }
      }
    } finally {
      objects.delete(key);
    }
    if (objects.size(key).isPresent()) {
      throw stale(objects);
    }
  }

  private static PolyphonyException stale(ObjectStore objects) {
    return PolyphonyException.config(
        objects
            + " does not show at once what was written: use an S3 endpoint that is consistent, such"
            + " as MinIO, and no cache in front of it");
  }

  private void checkClock(String server, Optional<Duration> skew) {
    skew.filter(each -> each.abs().compareTo(TOLERATED) > 0)
        .ifPresent(each -> console.err().println(skewed(server, each)));
  }

  /** What is said of a clock that is wrong by more than a minute. */
  static String skewed(String server, Duration ahead) {
    return String.format(
        Locale.ROOT,
        "warning: the clock of %s is %d s %s this machine's; claims and credentials expire by the"
            + " clock, so set both by NTP",
        server,
        ahead.abs().toSeconds(),
        ahead.isNegative() ? "behind" : "ahead of");
  }

  private void say(String line) {
    (json ? console.err() : console.out()).println(line);
  }
}
