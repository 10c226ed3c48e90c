package polyphony.workers.chaos;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What all workers of one experiment did, in order of time. */
final class WorkLog {
  private static final JsonMapper JSON = new JsonMapper();

  private final List<Line> lines;

  private record Line(String worker, WorkEntry entry) {}

  /** An answer: a seed belongs to one question, agent, round and purpose. */
  private record Answer(String step, long seed) {}

  private record TrainingStep(String step, int number) {}

  private WorkLog(List<Line> lines) {
    this.lines = lines;
  }

  /**
   * @param records by worker
   */
  static WorkLog read(Map<String, Path> records) throws IOException {
    List<Line> lines = new ArrayList<>();
    for (Map.Entry<String, Path> record : records.entrySet()) {
      if (Files.exists(record.getValue())) {
        for (String line : Files.readAllLines(record.getValue(), StandardCharsets.UTF_8)) {
          lines.add(new Line(record.getKey(), JSON.readValue(line, WorkEntry.class)));
        }
      }
    }
    lines.sort(Comparator.comparing(line -> line.entry().instant()));
    return new WorkLog(List.copyOf(lines));
  }

  private List<WorkEntry> all(WorkEntry.Kind kind) {
    return lines.stream().map(Line::entry).filter(each -> each.kind() == kind).toList();
  }

  private List<Answer> sampled() {
    return all(WorkEntry.Kind.SAMPLE).stream()
        .flatMap(each -> each.seeds().stream().map(seed -> new Answer(each.step(), seed)))
        .toList();
  }

  private List<TrainingStep> trained() {
    return all(WorkEntry.Kind.TRAIN).stream()
        .map(each -> new TrainingStep(each.step(), each.number()))
        .toList();
  }

  /** Answers and summaries, each counted once. */
  int answers() {
    return new HashSet<>(sampled()).size();
  }

  /** Optimizer steps, each counted once. */
  int trainingSteps() {
    return new HashSet<>(trained()).size();
  }

  /** Texts scored, those scored again included: they have no identity of their own. */
  int textsScored() {
    return all(WorkEntry.Kind.SCORE).stream().mapToInt(WorkEntry::number).sum();
  }

  /** Answers whose sampling was begun again. */
  int answersRepeated() {
    return sampled().size() - answers();
  }

  /** Optimizer steps begun again. */
  int trainingStepsRepeated() {
    return trained().size() - trainingSteps();
  }

  /** Whether the same answers were sampled and the same optimizer steps done, however often. */
  boolean didTheSameAs(WorkLog other) {
    return new HashSet<>(sampled()).equals(new HashSet<>(other.sampled()))
        && new HashSet<>(trained()).equals(new HashSet<>(other.trained()));
  }

  /** Answers whose sampling was begun after the store had them. */
  int answersFinishedBefore(StoreJournal journal) {
    Map<Answer, Instant> safe = new HashMap<>();
    for (Line line : lines) {
      takenAt(line, journal)
          .ifPresent(
              at ->
                  line.entry()
                      .seeds()
                      .forEach(
                          seed ->
                              safe.merge(
                                  new Answer(line.entry().step(), seed),
                                  at,
                                  (one, two) -> one.isBefore(two) ? one : two)));
    }
    int finished = 0;
    for (WorkEntry entry : all(WorkEntry.Kind.SAMPLE)) {
      for (long seed : entry.seeds()) {
        Instant at = safe.get(new Answer(entry.step(), seed));
        if (at != null && at.isBefore(entry.instant())) {
          finished++;
        }
      }
    }
    return finished;
  }

  /** Trainings that were gone on with from an older commit than the store had by then. */
  int trainingsBehind(StoreJournal journal) {
    int behind = 0;
    for (WorkEntry opened : all(WorkEntry.Kind.OPEN)) {
      for (Line line : lines) {
        if (line.entry().step().equals(opened.step())
            && line.entry().number() > opened.number()
            && takenAt(line, journal).filter(at -> at.isBefore(opened.instant())).isPresent()) {
          behind++;
          break;
        }
      }
    }
    return behind;
  }

  /** When the store took what this line is about to write; empty where it never did. */
  private static Optional<Instant> takenAt(Line line, StoreJournal journal) {
    if (line.entry().kind() != WorkEntry.Kind.WRITE) {
      return Optional.empty();
    }
    return journal.entries().stream()
        .filter(
            each ->
                each.worker().equals(line.worker())
                    && each.object().equals(line.entry().object())
                    && !each.at().isBefore(line.entry().instant()))
        .map(StoreJournal.Entry::at)
        .findFirst();
  }
}
