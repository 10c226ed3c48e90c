package polyphony.workers.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import polyphony.storage.PolyphonyException;

/** Something that goes wrong in the middle of an experiment. */
sealed interface Fault {
  /** What it is called on the command line. */
  String name();

  /** When it happens. */
  Moment moment();

  /** How many workers there are at the start. */
  default int workers() {
    return 1;
  }

  /** Whether the workers have disks that can be filled. */
  default boolean smallDisk() {
    return false;
  }

  /** Options of the workers. */
  default List<String> options() {
    return List.of();
  }

  /**
   * Whether what was interrupted must have moved on before there is progress; else, since running
   * steps do not notice, whatever step begins next.
   */
  default boolean interruptsSteps() {
    return true;
  }

  /**
   * Does it.
   *
   * @param victim the worker that has come to the moment
   */
  void strike(Scene scene, WorkerProcess victim) throws IOException, InterruptedException;

  /** What a platform or a person does about it, after as long as that takes. */
  void mend(Scene scene, WorkerProcess victim) throws IOException, InterruptedException;

  /** Every fault of the suite. */
  static List<Fault> all() {
    Moment debate =
        Moment.afterFirstCommit(
            "debate, round 2",
            step ->
                (step.is("debate") || step.is("debate-round"))
                    && step.isOfFinetuning()
                    && step.inputs().path("round").asInt() == 2
                    && step.commits() > 1);
    Moment training =
        Moment.afterFirstCommit(
            "mid-training", step -> step.name().startsWith("train-") && step.commits() > 0);
    Moment evaluation =
        Moment.afterFirstCommit("evaluate", step -> step.is("evaluate") && step.commits() > 1);
    return List.of(
        new KillWorker("kill-in-debate", debate),
        new KillWorker(
            "kill-in-vote",
            Moment.beforeResult("vote", step -> step.is("vote") && step.isOfFinetuning())),
        new KillWorker("kill-in-split", Moment.beforeResult("split", step -> step.is("split"))),
        new KillWorker("kill-in-training", training),
        new KillWorker("kill-in-evaluation", evaluation),
        new KillWorker("kill-in-record", Moment.beforeResult("record", step -> step.is("record"))),
        new LoseOneOfTwo(debate),
        new Zombie(training),
        new CrashChild(training),
        new KillServer("temporal-killed", Servers.Name.TEMPORAL, debate),
        new KillServer("minio-killed", Servers.Name.MINIO, training),
        new RefuseWrites(training),
        new FillDisk(
            new Moment(
                "training begins",
                step -> step.name().startsWith("train-"),
                StoreJournal.Kind.CLAIM,
                0,
                false)));
  }

  /** The only worker is killed, and another process takes its place. */
  record KillWorker(String name, Moment moment) implements Fault {
    @Override
    public void strike(Scene scene, WorkerProcess victim) throws InterruptedException {
      victim.kill();
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) throws IOException, InterruptedException {
      scene.startWorker(victim, false, List.of());
    }
  }

  /** One of two workers is killed and never replaced. */
  record LoseOneOfTwo(Moment moment) implements Fault {
    @Override
    public String name() {
      return "one-of-two-lost";
    }

    @Override
    public int workers() {
      return 2;
    }

    @Override
    public void strike(Scene scene, WorkerProcess victim) throws InterruptedException {
      victim.kill();
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) {}
  }

  /** A worker stands still until another one has taken its work over, and then goes on. */
  record Zombie(Moment moment) implements Fault {
    private static final Duration TAKEN_OVER = Duration.ofMinutes(3);

    @Override
    public String name() {
      return "zombie";
    }

    @Override
    public void strike(Scene scene, WorkerProcess victim) throws IOException, InterruptedException {
      WorkerProcess.signal("STOP", victim.handle().pid());
      scene.startWorker(null, false, List.of());
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) throws IOException, InterruptedException {
      Set<String> lost = scene.journal().inProgress(victim.name());
      boolean takenOver =
          scene
              .journal()
              .await(
                  entry ->
                      entry.kind() == StoreJournal.Kind.CLAIM
                          && lost.contains(entry.step())
                          && !entry.worker().equals(victim.name()),
                  TAKEN_OVER)
              .isPresent();
      if (!takenOver) {
        throw PolyphonyException.infrastructure(
            "nobody took over the work of a worker that stood still for "
                + TAKEN_OVER.toSeconds()
                + " s",
            null);
      }
      WorkerProcess.signal("CONT", victim.handle().pid());
    }
  }

  /** Native code crashes in the process of a step; its worker lives on. */
  record CrashChild(Moment moment) implements Fault {
    @Override
    public String name() {
      return "child-crashes";
    }

    @Override
    public List<String> options() {
      return List.of("--isolation", "process");
    }

    @Override
    public void strike(Scene scene, WorkerProcess victim) throws IOException, InterruptedException {
      List<ProcessHandle> children = victim.handle().children().toList();
      if (children.isEmpty()) {
        throw PolyphonyException.infrastructure(
            victim.name() + " has no process for a step, though it is to isolate them", null);
      }
      for (ProcessHandle child : children) {
        WorkerProcess.signal("SEGV", child.pid());
      }
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) {}
  }

  /** A server is killed, and started again a little later. */
  record KillServer(String name, Servers.Name server, Moment moment) implements Fault {
    private static final Duration AWAY = Duration.ofSeconds(8);

    @Override
    public boolean interruptsSteps() {
      return server == Servers.Name.MINIO;
    }

    @Override
    public void strike(Scene scene, WorkerProcess victim) throws IOException {
      scene.servers().kill(server);
      if (server == Servers.Name.MINIO) {
        for (WorkerProcess worker : scene.workers()) {
          worker.proxy().unplug();
        }
      }
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) throws InterruptedException {
      Thread.sleep(AWAY.toMillis());
      scene.servers().restart(server);
      if (server == Servers.Name.MINIO) {
        scene.workers().forEach(worker -> worker.proxy().plug());
      }
    }
  }

  /** The store can be read but has no room, until somebody makes some. */
  record RefuseWrites(Moment moment) implements Fault {
    private static final Duration FULL = Duration.ofSeconds(15);

    @Override
    public String name() {
      return "minio-refuses-writes";
    }

    @Override
    public void strike(Scene scene, WorkerProcess victim) {
      scene.refuseWrites(true);
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) throws InterruptedException {
      Thread.sleep(FULL.toMillis());
      scene.refuseWrites(false);
    }
  }

  /** The worker's own disk is full, until somebody makes room. */
  record FillDisk(Moment moment) implements Fault {
    private static final Duration FULL = Duration.ofSeconds(15);

    @Override
    public String name() {
      return "disk-full";
    }

    @Override
    public boolean smallDisk() {
      return true;
    }

    @Override
    public void strike(Scene scene, WorkerProcess victim) throws IOException {
      victim.fillDisk();
    }

    @Override
    public void mend(Scene scene, WorkerProcess victim) throws IOException, InterruptedException {
      Thread.sleep(FULL.toMillis());
      victim.freeDisk();
    }
  }
}
