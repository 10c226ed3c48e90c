package polyphony.workers.isolation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.DeviceSlots;
import polyphony.activities.StepListener;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

@DisabledOnOs(OS.WINDOWS)
class IsolatedStepsTest {
  private static final Worker WORKER = Worker.here("none", TinyChild.VERSIONS);

  @TempDir private Path folder;

  private LocalCache cache;
  private Steps steps;
  private final Heard heard = new Heard();
  private final AtomicBoolean stop = new AtomicBoolean();

  /** What a worker hears of a step. */
  private static final class Heard implements StepListener, BusyListener {
    private final List<String> told = new ArrayList<>();
    private LongSupplier commits = () -> 0;
    private Runnable whenTold = () -> {};

    @Override
    public void began(LongSupplier ownCommits) {
      commits = ownCommits;
    }

    @Override
    public void report(long done, long total) {
      told.add(done + " of " + total + ", commits " + commits.getAsLong());
      if (done > 0) {
        whenTold.run();
      }
    }

    @Override
    public void begin() {
      told.add("busy");
    }

    @Override
    public void end() {
      told.add("idle");
    }
  }

  @BeforeEach
  void openAStore() {
    cache = new LocalCache(folder.resolve("cache"), 1 << 20);
    steps = TinyChild.steps(folder, cache, WORKER);
  }

  @AfterEach
  void close() {
    cache.close();
  }

  private ChildCommand command(Class<?> main) {
    return new ChildCommand(main, List.of(folder.toString()), folder.resolve("crash-reports"));
  }

  private IsolatedSteps isolated(Class<?> main) {
    return new IsolatedSteps(
        command(main), steps, new DeviceSlots(1), WORKER, heard, Duration.ofSeconds(1));
  }

  private StepOutcome<String> run(String request) throws Exception {
    return run(TinyChild.class, request, stop::get);
  }

  private StepOutcome<String> run(Class<?> main, String request, BooleanSupplier stopping)
      throws Exception {
    return isolated(main).run(TinyChild.PROBE, request, heard, stopping);
  }

  private PolyphonyException failure(Class<?> main, String request) {
    return catchThrowableOfType(PolyphonyException.class, () -> run(main, request, stop::get));
  }

  @Test
  void aFolderWhosePathIsTooLongForASocketIsAMatterOfConfiguration() {
    Path deep = Path.of("/tmp", "x".repeat(90));
    assertThatThrownBy(() -> Child.listening(deep.resolve("step-1").resolve("socket")))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageStartingWith(deep + " has too long a path");
  }

  @Test
  void aStepIsComputedElsewhereAndOnlyOnce() throws Exception {
    StepOutcome<String> first = run("succeed");
    assertThat(first.result()).contains("did succeed after 0");
    assertThat(first.reused()).isFalse();
    assertThat(first.key()).isEqualTo(TinyChild.PROBE.step("succeed").key());
    assertThat(steps.manifest(first.key()).orElseThrow().worker()).isEqualTo(WORKER);
    StepOutcome<String> second = run(TinyChild.StillBorn.class, "succeed", stop::get);
    assertThat(second).isEqualTo(new StepOutcome<>(first.key(), first.result(), true));
  }

  @Test
  void aChildTellsItsVersions() {
    assertThat(IsolatedSteps.versions(command(TinyChild.class))).isEqualTo(TinyChild.VERSIONS);
  }

  @Test
  void whatAChildHasDoneIsHeardWhileItWorks() throws Exception {
    heard.whenTold =
        () -> {
          try {
            Files.writeString(folder.resolve("told"), "");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    IsolatedSteps isolated = isolated(TinyChild.class);
    assertThat(isolated.run(TinyChild.PROBE, "tell", heard, stop::get).result()).isPresent();
    assertThat(heard.told).startsWith("busy").contains("3 of 7, commits 1").endsWith("idle");
    assertThat(isolated.tokens()).isEqualTo(11);
  }

  @Test
  void failuresKeepTheirClassAndMessage() {
    PolyphonyException data = failure(TinyChild.class, "data");
    assertThat(data.errorClass()).isEqualTo(ErrorClass.DATA);
    assertThat(data).hasMessage("the answers are broken");
    assertThat(data.getCause()).hasMessageContaining("beyond repair");
    PolyphonyException defect = failure(TinyChild.class, "defect");
    assertThat(defect.errorClass()).isEqualTo(ErrorClass.BUG);
    assertThat(defect).hasMessage("java.lang.IllegalStateException: boom");
    assertThat(defect.getCause()).hasMessageContaining("TinyChild.probe");
    assertThat(failure(TinyChild.class, "memory").errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY);
  }

  @Test
  void anAbortCostsOneAttempt() throws Exception {
    PolyphonyException failure = failure(TinyChild.class, "ABRT");
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(failure.getMessage())
        .startsWith("probe: its process ")
        .contains("signal 6 (SIGABRT)");
    assertThat(run("ABRT").result()).contains("did ABRT after 1");
  }

  @Test
  void aCrashReportIsKeptWhereTheFailureSays() throws Exception {
    PolyphonyException failure = failure(TinyChild.class, "SEGV");
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    try (var reports = Files.list(folder.resolve("crash-reports"))) {
      Path report = reports.findFirst().orElseThrow();
      assertThat(failure.getMessage()).contains("SIGSEGV", report.toString());
    }
    assertThat(run("SEGV").result()).contains("did SEGV after 1");
  }

  @Test
  void aKilledChildCostsOneAttempt() throws Exception {
    PolyphonyException failure = failure(TinyChild.class, "KILL");
    assertThat(failure.getMessage()).contains("killed by signal 9 (SIGKILL)");
    assertThat(failure.errorClass().retryable()).isTrue();
    assertThat(run("KILL").result()).contains("did KILL after 1");
  }

  @Test
  void aChildThatCannotStartIsAFailure() {
    PolyphonyException failure = failure(TinyChild.StillBorn.class, "succeed");
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(failure.getMessage())
        .contains("ended with status 3")
        .endsWith("it last said: no libraries here");
  }

  @Test
  void nonsenseIsAFailure() {
    PolyphonyException failure = failure(TinyChild.Babbling.class, "succeed");
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(failure.getMessage()).contains("cannot be understood", "was killed");
  }

  @Test
  void aChildThatIsAskedToStopCommits() throws Exception {
    heard.whenTold = () -> stop.set(true);
    StepOutcome<String> outcome = run("commit on stop");
    assertThat(outcome.result()).isEmpty();
    assertThat(heard.commits.getAsLong()).isEqualTo(1);
  }

  @Test
  void aChildThatDoesNotStopIsKilled() {
    heard.whenTold = () -> stop.set(true);
    PolyphonyException failure = failure(TinyChild.class, "never stop");
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(failure.getMessage()).contains("did not stop within 1 s and was killed");
  }

  @Test
  void anInterruptedWorkerTakesItsChildWithIt() throws Exception {
    Thread worker = Thread.currentThread();
    heard.whenTold = worker::interrupt;
    assertThat(catchThrowableOfType(InterruptedException.class, () -> run("never stop")))
        .isNotNull();
    assertThat(ProcessHandle.current().children().filter(ProcessHandle::isAlive)).isEmpty();
  }

  @Test
  void aChildThatLosesItsWorkerEndsAtOnce() throws Exception {
    Path temporary = Files.createTempDirectory("step-");
    Path socket = temporary.resolve("socket");
    Process child;
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      child = command(TinyChild.class).start(socket, temporary);
      try (JsonLineChannel channel = new JsonLineChannel(server.accept())) {
        String request = "commit on stop";
        channel.send(
            new Order.Compute(
                TinyChild.PROBE.name(),
                TinyChild.PROBE.step(request).key(),
                JsonLineChannel.JSON.readTree(CanonicalJson.string(request)),
                WORKER));
        Optional<Report> report = channel.receive(Report.class);
        assertThat(report).containsInstanceOf(Report.Status.class);
      }
    }
    assertThat(child.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(child.exitValue()).isEqualTo(99);
    // It neither finished nor committed: whoever comes next begins anew.
    heard.whenTold = () -> stop.set(true);
    assertThat(run("commit on stop").result()).isEmpty();
    assertThat(heard.commits.getAsLong()).isEqualTo(1);
    Files.deleteIfExists(socket);
  }
}
