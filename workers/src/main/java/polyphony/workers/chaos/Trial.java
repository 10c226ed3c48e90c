package polyphony.workers.chaos;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.S3ObjectStore;
import polyphony.workflows.IterationReport;

/** One small experiment on servers of its own, undisturbed or disturbed once. */
final class Trial {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int LARGEST_MANIFEST = 1 << 24;

  /** Every phase, two segments a debate and more, several commits a training. */
  private static final String SPEC =
      "{\"agents\": 2, \"rounds\": 2, \"iterations\": 1,"
          + " \"task\": {\"train\": 60, \"evaluate\": 75}, \"training\": {\"epochs\": 6}}";

  private static final String EXPERIMENT = "chaos";
  private static final Duration MOMENT_LIMIT = Duration.ofMinutes(4);
  private static final Duration LIMIT = Duration.ofMinutes(8);

  /** A fault strikes a little later in every repeat, so that it meets other instructions. */
  private static final Duration LATER = Duration.ofMillis(100);

  private static final int DIFFERENT_MOMENTS = 5;

  private final Program program;
  private final Path folder;

  /**
   * @param folder for everything; to be deleted by the caller
   */
  Trial(Program program, Path folder) {
    this.program = program;
    this.folder = folder;
  }

  /**
   * Runs the experiment undisturbed.
   *
   * @throws PolyphonyException INFRASTRUCTURE where that fails, or repeats anything
   */
  Reference undisturbed() throws IOException, InterruptedException {
    try (Scene scene = new Scene(program, folder)) {
      Instant began = Instant.now();
      scene.startWorker(null, false, List.of());
      scene.start(EXPERIMENT, SPEC);
      Scene.End end = scene.awaitEnd(EXPERIMENT, LIMIT);
      List<IterationReport> reports =
          end.result()
              .orElseThrow(
                  () ->
                      PolyphonyException.infrastructure(
                          "the undisturbed experiment: " + end.said(), null))
              .iterations();
      scene.command("audit", EXPERIMENT);
      WorkLog work = scene.work();
      Map<String, Reference.StepRecord> steps = new HashMap<>();
      try (ObjectStore store = new S3ObjectStore(scene.servers().storeSettings())) {
        for (String object : store.list("steps/")) {
          String key = object.substring("steps/".length(), object.length() - ".json".length());
          steps.put(
              key,
              new Reference.StepRecord(
                  JSON.readTree(store.bytes(object, LARGEST_MANIFEST)),
                  scene.journal().commits(key)));
        }
      }
      Reference reference =
          new Reference(reports, Map.copyOf(steps), work, seconds(began, Instant.now()));
      if (work.answersRepeated() > 0 || work.trainingStepsRepeated() > 0) {
        throw PolyphonyException.infrastructure(
            "the undisturbed experiment did something twice", null);
      }
      return reference;
    }
  }

  /** Runs the experiment with a fault in the middle. */
  Outcome disturbed(Fault fault, int repeat, Reference reference)
      throws IOException, InterruptedException {
    try (Scene scene = new Scene(program, folder)) {
      scene.arm(fault.moment(), reference);
      Instant began = Instant.now();
      for (int i = 0; i < fault.workers(); i++) {
        scene.startWorker(null, fault.smallDisk(), fault.options());
      }
      scene.start(EXPERIMENT, SPEC);
      Optional<WorkerProcess> victim = scene.awaitMoment(MOMENT_LIMIT);
      if (victim.isEmpty()) {
        return Outcome.brokenOff(
            fault,
            repeat,
            "the moment for it never came: "
                + scene.awaitEnd(EXPERIMENT, Duration.ofSeconds(1)).said());
      }
      if (!fault.moment().before()) {
        Thread.sleep(LATER.multipliedBy(1 + repeat % DIFFERENT_MOMENTS).toMillis());
      }
      Set<String> interrupted = scene.journal().inProgress(victim.get().name());
      fault.strike(scene, victim.get());
      Instant struck = Instant.now();
      scene.struck();
      fault.mend(scene, victim.get());
      Instant mended = Instant.now();
      Scene.End end = scene.awaitEnd(EXPERIMENT, LIMIT);
      Instant ended = Instant.now();

      WorkLog work = scene.work();
      List<String> problems = new ArrayList<>();
      end.result()
          .ifPresentOrElse(
              result -> compare(result.iterations(), reference, problems),
              () -> problems.add(end.said()));
      if (end.result().isPresent() && !work.didTheSameAs(reference.work())) {
        problems.add("other answers were sampled, or other optimizer steps done");
      }
      int finishedBefore = work.answersFinishedBefore(scene.journal());
      if (finishedBefore > 0) {
        problems.add(finishedBefore + " finished answers were sampled again");
      }
      int behind = work.trainingsBehind(scene.journal());
      if (behind > 0) {
        problems.add(behind + " trainings went on from an older commit than the last one");
      }
      try {
        scene.command("audit", EXPERIMENT);
      } catch (PolyphonyException e) {
        problems.add(e.getMessage());
      }
      Optional<Instant> progress = progress(scene.journal(), fault, interrupted, struck, mended);
      return new Outcome(
          fault.name(),
          fault.moment().shown(),
          repeat,
          problems,
          work.answersRepeated(),
          work.trainingStepsRepeated(),
          Math.max(0, work.textsScored() - reference.work().textsScored()),
          progress.map(at -> seconds(struck, at)).orElse(null),
          progress.map(at -> Math.max(0, seconds(mended, at))).orElse(null),
          seconds(began, ended));
    }
  }

  private static void compare(
      List<IterationReport> reports, Reference reference, List<String> problems) {
    if (reports.size() != reference.reports().size()) {
      problems.add(
          "it has " + reports.size() + " iterations instead of " + reference.reports().size());
      return;
    }
    for (int i = 0; i < reports.size(); i++) {
      IterationReport report = reports.get(i);
      IterationReport expected = reference.reports().get(i);
      if (!report.weights().equals(expected.weights())) {
        problems.add(
            "the weights of iteration "
                + i
                + " differ: "
                + new TreeMap<>(report.weights())
                + " instead of "
                + new TreeMap<>(expected.weights()));
      }
      if (report.accuracy() != expected.accuracy()) {
        problems.add(
            "the accuracy of iteration "
                + i
                + " is "
                + report.accuracy()
                + " instead of "
                + expected.accuracy());
      }
    }
  }

  private static Optional<Instant> progress(
      StoreJournal journal, Fault fault, Set<String> interrupted, Instant struck, Instant mended) {
    return journal.entries().stream()
        .filter(
            each ->
                fault.interruptsSteps()
                    ? each.isProgress()
                        && each.at().isAfter(struck)
                        && (interrupted.isEmpty() || interrupted.contains(each.step()))
                    : each.kind() == StoreJournal.Kind.CLAIM && each.at().isAfter(mended))
        .map(StoreJournal.Entry::at)
        .findFirst();
  }

  private static double seconds(Instant from, Instant to) {
    return Duration.between(from, to).toMillis() / 1000.0;
  }
}
