package polyphony.workers.isolation;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.DeviceSlots;
import polyphony.activities.InProcessSteps;
import polyphony.activities.ModelStep;
import polyphony.activities.StepProgress;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

/** A child whose steps do what their request says. */
final class TinyChild {
  static final Map<String, String> VERSIONS = Map.of("runtime", "1");

  static final ModelStep<String, String> PROBE =
      new ModelStep<>("probe", 1, String.class, request -> VERSIONS, String.class);

  private TinyChild() {}

  /**
   * @param arguments the socket, and a folder for the store
   */
  public static void main(String[] arguments) {
    Path folder = Path.of(arguments[1]);
    System.exit(
        ChildSession.serve(
            Path.of(arguments[0]),
            worker -> {
              LocalCache cache = new LocalCache(folder.resolve("cache"), 1 << 20);
              return new ChildSession.Computing(
                  new InProcessSteps(
                      steps(folder, cache, worker.orElse(Worker.here("none", VERSIONS))),
                      new DeviceSlots(1),
                      VERSIONS,
                      new InProcessSteps.Bodies()
                          .with(
                              PROBE,
                              (request, attempt, progress) ->
                                  probe(folder, request, attempt, progress))),
                  () -> 11,
                  cache::close);
            },
            () -> Runtime.getRuntime().halt(99)));
  }

  static Steps steps(Path folder, LocalCache cache, Worker worker) {
    FolderObjectStore store = new FolderObjectStore(folder.resolve("store"));
    return new Steps(store, new Artifacts(store, cache), worker, Clock.systemUTC());
  }

  private static Optional<String> probe(
      Path folder, String request, StepAttempt attempt, StepProgress progress) throws Exception {
    int before = attempt.commits(String.class).size();
    switch (request) {
      case "succeed" -> System.out.println("{\"report\": a native library says something}");
      case "tell" -> {
        attempt.commit("one");
        progress.report(3, 7);
        awaitFile(folder.resolve("told"));
      }
      case "data" -> throw PolyphonyException.data("the answers are broken\nbeyond repair");
      case "defect" -> throw new IllegalStateException("boom");
      case "memory" -> throw new OutOfMemoryError("Java heap space");
      case "commit on stop" -> {
        progress.report(1, 2);
        while (!attempt.stopRequested()) {
          Thread.sleep(5);
        }
        attempt.commit("handed over");
        return Optional.empty();
      }
      case "never stop" -> {
        progress.report(1, 2);
        Thread.sleep(600_000);
      }
      default -> {
        // A signal, once.
        if (before == 0) {
          attempt.commit("before " + request);
          signalThisProcess(request);
        }
      }
    }
    return Optional.of("did " + request + " after " + before);
  }

  private static void signalThisProcess(String signal) throws Exception {
    new ProcessBuilder("kill", "-" + signal, Long.toString(ProcessHandle.current().pid())).start();
    Thread.sleep(600_000);
  }

  private static void awaitFile(Path file) throws InterruptedException {
    while (!Files.exists(file)) {
      Thread.sleep(5);
    }
  }

  /** Ends before it has said anything on the socket. */
  static final class StillBorn {
    private StillBorn() {}

    public static void main(String[] arguments) {
      System.err.println("no libraries here");
      System.exit(3);
    }
  }

  /** Says what no child says. */
  static final class Babbling {
    private Babbling() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
      try (var socket = SocketChannel.open(UnixDomainSocketAddress.of(arguments[0]))) {
        socket.write(ByteBuffer.wrap("terminate called after throwing\n".getBytes(UTF_8)));
        Thread.sleep(600_000);
      }
    }
  }
}
