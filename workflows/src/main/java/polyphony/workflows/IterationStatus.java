package polyphony.workflows;

import io.temporal.workflow.Promise;
import java.util.ArrayList;
import java.util.List;

/** How far an iteration is. Whoever shows it is told of every change. */
final class IterationStatus {
  private final Runnable changed;
  private final List<String> outcomes = new ArrayList<>();
  private String phase = "start";
  private int unitsDone;
  private int units;
  private IterationReport report;

  IterationStatus(Runnable changed) {
    this.changed = changed;
  }

  void begin(String name, int unitsOfPhase) {
    phase = name;
    unitsDone = 0;
    units = unitsOfPhase;
    changed.run();
  }

  /** Counts a unit of work as done once its promise is kept. */
  <T> Promise<T> unit(Promise<T> work) {
    return work.thenApply(
        result -> {
          unitsDone++;
          changed.run();
          return result;
        });
  }

  /** Something worth telling that a phase came to. */
  void outcome(String line) {
    outcomes.add(line);
  }

  void report(IterationReport result) {
    report = result;
  }

  String phase() {
    return phase;
  }

  int unitsDone() {
    return unitsDone;
  }

  int units() {
    return units;
  }

  List<String> outcomes() {
    return List.copyOf(outcomes);
  }

  /** Null until there is one. */
  IterationReport report() {
    return report;
  }
}
