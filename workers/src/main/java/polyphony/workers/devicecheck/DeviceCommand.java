package polyphony.workers.devicecheck;

import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.activities.lm.Device;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;
import polyphony.workers.Console;
import polyphony.workers.NativeRuntime;
import polyphony.workers.devicecheck.Finding.NotDone;

/** {@code polyphony bench device}: whether a device computes what it should, and how fast. */
@Command(
    name = "device",
    header = "Verifies a device against the CPU, and measures it.",
    description = {
      "Samples and trains small models of random weights on the CPU and on the device and compares"
          + " both, kills and resumes a training, and measures sampling and training at the shapes of"
          + " Llama-3.2-1B and Llama-3.1-8B, as a share of what plain copies and plain products of"
          + " matrices reach.",
      "",
      "What does not fit, fails, or has no time left is a line that says so. A model of 8 billion"
          + " parameters takes 16 GB of disk for as long as this runs."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony bench device --json device.json",
      "  polyphony bench device --reduced",
      "",
      "Exit codes: 0 everything that was to be verified agrees; 1 not everything does; 2 the input"
          + " must change."
    })
public final class DeviceCommand implements Callable<Integer> {
  /** With less than this left, a part is not begun. */
  private static final Duration LEAST = Duration.ofSeconds(5);

  private final Console console;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description =
          "cpu, or a GPU such as cuda:0; auto: the first, if it can be used (default: ${DEFAULT-VALUE}).")
  private String device;

  @Option(
      names = "--reduced",
      description = "Small shapes alone, for half a minute; always so on the CPU.")
  private boolean reduced;

  @Option(
      names = "--scratch",
      paramLabel = "FOLDER",
      description = "Where models lie meanwhile (default: the folder of temporary files).")
  private Path scratch;

  @Option(
      names = "--limit",
      paramLabel = "SECONDS",
      defaultValue = "480",
      description = "Time for it all; what is left then is not done (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the findings there as JSON, too.")
  private Path json;

  public DeviceCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (limit < 1) {
      throw PolyphonyException.config("--limit is at least 1 second");
    }
    NativeRuntime runtime = NativeRuntime.on(device, false);
    runtime.description().values().forEach(each -> console.err().println("progress: " + each));
    Path parent = scratch != null ? scratch : Path.of(System.getProperty("java.io.tmpdir"));
    DeviceReport report;
    try (TemporaryFolder folder = new TemporaryFolder(parent, "polyphony-device-")) {
      report = check(folder.path().toAbsolutePath(), runtime.device());
    }
    console.out().print(report.text());
    if (json != null) {
      write(report);
    }
    return report.passed() ? 0 : 1;
  }

  private DeviceReport check(Path folder, Device chosen) throws InterruptedException {
    boolean small = reduced || chosen instanceof Device.Cpu;
    long start = System.nanoTime();
    List<Finding> findings = new ArrayList<>();
    for (Part part : Part.all(small)) {
      Duration left = Duration.ofSeconds(limit).minusNanos(System.nanoTime() - start);
      if (left.compareTo(LEAST) < 0) {
        findings.add(new NotDone(part.title(), part.verification(), "no time left"));
        continue;
      }
      console.err().println("progress: " + part.title());
      Duration own = part.limit().compareTo(left) < 0 ? part.limit() : left;
      findings.addAll(PartProcess.run(new Assignment(part, chosen.toString(), small, folder), own));
    }
    return new DeviceReport(chosen.toString(), small, (System.nanoTime() - start) / 1e9, findings);
  }

  private void write(DeviceReport report) {
    try {
      Files.write(
          json,
          PartProcess.JSON.writer(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(report));
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(json + ": cannot be written", e);
    }
  }
}
