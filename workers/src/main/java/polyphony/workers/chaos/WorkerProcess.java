package polyphony.workers.chaos;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import polyphony.storage.PolyphonyException;

/** A worker with a home of its own: its cache and its temporary files. */
final class WorkerProcess {
  /** Enough for the models and native libraries of a trial. */
  private static final String SMALL_DISK = "160m";

  private static final long END_SECONDS = 30;

  private final String name;
  private final Path home;
  private final Path record;
  private final Path output;
  private final StoreProxy proxy;
  private final Process process;

  /**
   * Starts it.
   *
   * @param folder for its log and its record
   * @param home may be that of a worker before it
   * @param smallDisk whether its home is to be a disk of its own that can be filled
   * @param proxy ends with this
   * @throws PolyphonyException CONFIG where this system lets nobody mount a small disk
   */
  WorkerProcess(
      Program program,
      String name,
      Path folder,
      Path home,
      boolean smallDisk,
      List<String> options,
      Map<String, String> servers,
      StoreProxy proxy)
      throws IOException, InterruptedException {
    this.name = name;
    this.home = home;
    this.record = folder.resolve(name + ".jsonl");
    this.output = folder.resolve(name + ".log");
    this.proxy = proxy;
    Files.createDirectories(home);
    List<String> command = program.worker(record, home.resolve("tmp"), options);
    ProcessBuilder builder =
        new ProcessBuilder(smallDisk ? onSmallDisk(home, command) : command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    Map<String, String> environment = builder.environment();
    environment
        .keySet()
        .removeIf(each -> each.startsWith("POLYPHONY_") || each.startsWith("TEMPORAL_"));
    environment.putAll(servers);
    environment.put("POLYPHONY_S3_ENDPOINT", proxy.endpoint());
    environment.put("XDG_CACHE_HOME", home.resolve("cache").toString());
    environment.put("XDG_CONFIG_HOME", home.resolve("config").toString());
    environment.put("OMP_WAIT_POLICY", "passive");
    environment.put("OPT_OUT_TRACKING", "true");
    environment.put("MALLOC_ARENA_MAX", "4");
    // In a variable, since ONNX Runtime cannot bear a long command line.
    environment.put("CLASSPATH", program.classPath());
    if (!smallDisk) {
      Files.createDirectories(home.resolve("tmp"));
    }
    process = builder.start();
  }

  private static final List<String> IN_A_NAMESPACE =
      List.of("unshare", "--mount", "--user", "--map-root-user");

  /** A file system that only this process sees, and that is gone with it: nobody need be root. */
  private static List<String> onSmallDisk(Path home, List<String> command)
      throws IOException, InterruptedException {
    requireNamespaces();
    List<String> whole = new ArrayList<>(IN_A_NAMESPACE);
    whole.addAll(
        List.of(
            "sh",
            "-c",
            "mount -t tmpfs -o size="
                + SMALL_DISK
                + " polyphony \"$0\" && mkdir \"$0/tmp\" && exec \"$@\"",
            home.toString()));
    whole.addAll(command);
    return whole;
  }

  private static void requireNamespaces() throws IOException, InterruptedException {
    List<String> probe = new ArrayList<>(IN_A_NAMESPACE);
    probe.addAll(List.of("mount", "-t", "tmpfs", "polyphony", "/mnt"));
    int exitCode;
    try {
      exitCode = new ProcessBuilder(probe).start().waitFor();
    } catch (IOException e) {
      exitCode = -1;
    }
    if (exitCode != 0) {
      throw PolyphonyException.config(
          "this system lets nobody give a worker a small disk of its own ("
              + String.join(" ", probe)
              + " fails), so that it cannot be filled: allow user namespaces");
    }
  }

  String name() {
    return name;
  }

  Path home() {
    return home;
  }

  Path record() {
    return record;
  }

  StoreProxy proxy() {
    return proxy;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  ProcessHandle handle() {
    return process.toHandle();
  }

  /** What it says, to its last lines. */
  String lastLines() throws IOException {
    List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
  }

  /** As {@code kill -9}. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
      throw PolyphonyException.infrastructure(name + " cannot be killed", null);
    }
  }

  /** Sends a signal, such as {@code STOP}, to it or to another process. */
  static void signal(String signal, long processId) throws IOException, InterruptedException {
    Process kill =
        new ProcessBuilder("kill", "-" + signal, String.valueOf(processId)).inheritIO().start();
    if (kill.waitFor() != 0) {
      throw PolyphonyException.infrastructure(
          "SIG" + signal + " could not be sent to process " + processId, null);
    }
  }

  /** Fills its disk to the last byte. */
  void fillDisk() throws IOException {
    Path disk = disk();
    byte[] block = new byte[1 << 12];
    try (OutputStream out = Files.newOutputStream(disk.resolve("filled"))) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      // Until nothing more fits.
      if (Files.size(disk.resolve("filled")) == 0) {
        throw e;
      }
    }
  }

  /** Takes away what {@link #fillDisk} wrote. */
  void freeDisk() throws IOException {
    Files.delete(disk().resolve("filled"));
  }

  /** Its home as it sees it. */
  private Path disk() {
    return Path.of("/proc/" + process.pid() + "/root" + home.toAbsolutePath());
  }

  /** Ends it, and whatever it has started. */
  void end() throws IOException, InterruptedException {
    List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
    all.add(process.toHandle());
    all.forEach(ProcessHandle::destroyForcibly);
    for (ProcessHandle each : all) {
      try {
        each.onExit().get(END_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw PolyphonyException.infrastructure(name + " cannot be killed", e);
      }
    }
    proxy.close();
  }
}
