package polyphony.workers.chaos;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.storage.PolyphonyException;

/**
 * How to start what a trial needs.
 *
 * @param java of the workers
 * @param classPath of the workers
 * @param servers {@code deploy/servers}
 */
record Program(Path java, String classPath, Path servers) {

  /**
   * This process's own Java and class path.
   *
   * @param servers {@code deploy/servers}; null: where the launcher lies, or else below the working
   *     directory
   * @throws PolyphonyException CONFIG where it is not there
   */
  static Program ofThisProcess(Path servers) {
    Path script =
        Optional.ofNullable(servers)
            .or(
                () ->
                    Optional.ofNullable(System.getProperty("polyphony.launcher"))
                        .map(launcher -> Path.of(launcher).resolveSibling("servers")))
            .orElse(Path.of("deploy", "servers"))
            .toAbsolutePath();
    if (!Files.isExecutable(script)) {
      throw PolyphonyException.config(
          script
              + " is not there, which starts the servers; name deploy/servers of a source tree with"
              + " --servers");
    }
    return new Program(
        Path.of(System.getProperty("java.home"), "bin", "java"),
        // Tests run from a jar that names the real class path.
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
        script);
  }

  /** The command of a worker. */
  List<String> worker(Path record, Path temporary, List<String> options) {
    List<String> command =
        new ArrayList<>(
            List.of(
                java.toString(),
                "-Xmx1g",
                "-XX:MaxDirectMemorySize=512m",
                "-XX:+UseSerialGC",
                // A trial is over before more compilation than this pays.
                "-XX:TieredStopAtLevel=1",
                "-Dai.djl.offline=true",
                "-Djava.io.tmpdir=" + temporary,
                "-D" + RecordedWorker.RECORD + "=" + record,
                RecordedWorker.class.getName(),
                "worker",
                "--verbose"));
    command.addAll(options);
    return command;
  }
}
