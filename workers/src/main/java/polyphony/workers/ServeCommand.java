package polyphony.workers;

import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.activities.report.ReportIndex;
import polyphony.activities.report.ReportStep;
import polyphony.storage.PolyphonyException;

/** {@code polyphony serve}: the reports of a store, in a browser. */
@Command(
    name = "serve",
    header = "Shows the reports of a store in a browser.",
    description = {
      "Answers browsers with a list of all experiments and comparisons of a store, and with the"
          + " report of each, as things are when it is looked at. Nothing can be changed there, and"
          + " nobody is asked who they are: by default only this machine is answered, and only where"
          + " it is called localhost, 127.0.0.1 or [::1], or by the name in"
          + " POLYPHONY_REPORTS_ADDRESS.",
      "",
      "With POLYPHONY_REPORTS_ADDRESS set for the workers, such as http://localhost:8234, the Web UI"
          + " links to it."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony serve",
      "  polyphony serve --store ./polyphony-store --port 9000",
      "  polyphony serve --bind 0.0.0.0     # for everybody who reaches this machine"
    })
final class ServeCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "8234",
      description = "Where (default: ${DEFAULT-VALUE}); 0 takes a free one.")
  private int port;

  @Option(
      names = "--bind",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description = "Address of this machine that is answered at (default: ${DEFAULT-VALUE}).")
  private String bind;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  ServeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (port < 0 || port > 0xffff) {
      throw PolyphonyException.config("--port is " + port + "; it must be 0 to 65535");
    }
    InetSocketAddress address = new InetSocketAddress(bind, port);
    if (address.isUnresolved()) {
      throw PolyphonyException.config("--bind is \"" + bind + "\", which is no address");
    }
    Settings settings = Settings.of(console);
    try (StopRequest stop = StopRequest.onSignals();
        StoreAccess access = StoredExperiments.existing(settings, store);
        ReportServer server =
            new ReportServer(
                new ReportIndex(access.objects()),
                new ReportStep(access.objects(), access.artifacts()),
                address,
                settings.reportsAddress().map(URI::create).map(URI::getHost))) {
      console.err().println("reports at " + server.address() + "; Ctrl-C ends it");
      stop.await();
    }
    return 0;
  }
}
