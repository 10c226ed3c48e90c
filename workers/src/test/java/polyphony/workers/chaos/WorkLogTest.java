package polyphony.workers.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the checks of a trial must find, were it there. */
class WorkLogTest {
  private static final String STEP = "a".repeat(64);
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir private Path folder;
  private final StoreJournal journal = new StoreJournal();
  private final List<WorkEntry> first = new ArrayList<>();
  private final List<WorkEntry> second = new ArrayList<>();

  private WorkLog read() throws IOException {
    return WorkLog.read(Map.of("first", write("first", first), "second", write("second", second)));
  }

  private Path write(String name, List<WorkEntry> entries) throws IOException {
    JsonMapper json = new JsonMapper();
    List<String> lines = new ArrayList<>();
    for (WorkEntry entry : entries) {
      lines.add(json.writeValueAsString(entry));
    }
    return Files.write(folder.resolve(name), lines);
  }

  private static WorkEntry entry(
      WorkEntry.Kind kind, int second, List<Long> seeds, int number, String object) {
    return new WorkEntry(kind, STEP, START.plusSeconds(second).toString(), seeds, number, object);
  }

  private static WorkEntry sample(int second, Long... seeds) {
    return entry(WorkEntry.Kind.SAMPLE, second, List.of(seeds), 0, null);
  }

  private static WorkEntry commit(int second, int number, int trained, Long... seeds) {
    return entry(
        WorkEntry.Kind.WRITE,
        second,
        List.of(seeds),
        trained,
        String.format("progress/%s/%08d.json", STEP, number));
  }

  private void taken(String worker, int second, int number) {
    journal.add(
        new StoreJournal.Entry(
            worker, StoreJournal.Kind.COMMIT, STEP, number, START.plusSeconds(second)));
  }

  @Test
  void anAnswerThatWasSafeAndIsSampledAgainIsFound() throws Exception {
    first.addAll(List.of(sample(1, 7L, 8L), commit(2, 0, 0, 7L, 8L), sample(4, 9L)));
    taken("first", 3, 0);
    second.add(sample(5, 8L, 9L));
    WorkLog work = read();
    assertThat(work.answers()).isEqualTo(3);
    assertThat(work.answersRepeated()).isEqualTo(2);
    // 9 was never committed.
    assertThat(work.answersFinishedBefore(journal)).isEqualTo(1);
  }

  @Test
  void anAnswerWhoseCommitNeverReachedTheStoreMayBeSampledAgain() throws Exception {
    first.addAll(List.of(sample(1, 7L), commit(2, 0, 0, 7L)));
    second.addAll(List.of(sample(5, 7L), commit(6, 0, 0, 7L)));
    taken("second", 7, 0);
    WorkLog work = read();
    assertThat(work.answersRepeated()).isEqualTo(1);
    assertThat(work.answersFinishedBefore(journal)).isZero();
  }

  @Test
  void whatWasUnderWayBeforeTheCommitIsNoFinishedAnswer() throws Exception {
    first.addAll(List.of(sample(1, 7L), commit(4, 0, 0, 7L)));
    second.add(sample(3, 7L));
    taken("first", 5, 0);
    assertThat(read().answersFinishedBefore(journal)).isZero();
  }

  @Test
  void aTrainingThatGoesOnFromAnOlderCommitIsFound() throws Exception {
    first.addAll(
        List.of(
            entry(WorkEntry.Kind.OPEN, 0, List.of(), 0, null),
            entry(WorkEntry.Kind.TRAIN, 1, List.of(), 0, null),
            commit(2, 0, 1),
            entry(WorkEntry.Kind.TRAIN, 3, List.of(), 1, null)));
    taken("first", 2, 0);
    second.addAll(
        List.of(
            entry(WorkEntry.Kind.OPEN, 5, List.of(), 1, null),
            entry(WorkEntry.Kind.TRAIN, 6, List.of(), 1, null)));
    WorkLog work = read();
    assertThat(work.trainingSteps()).isEqualTo(2);
    assertThat(work.trainingStepsRepeated()).isEqualTo(1);
    assertThat(work.trainingsBehind(journal)).isZero();

    second.set(0, entry(WorkEntry.Kind.OPEN, 5, List.of(), 0, null));
    assertThat(read().trainingsBehind(journal)).isEqualTo(1);
  }

  @Test
  void howOftenWorkWasDoneIsNoDifference() throws Exception {
    first.add(sample(1, 7L, 8L));
    WorkLog once = read();
    second.add(sample(2, 8L));
    assertThat(read().didTheSameAs(once)).isTrue();
    second.add(sample(3, 9L));
    assertThat(read().didTheSameAs(once)).isFalse();
  }
}
