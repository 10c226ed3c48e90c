package polyphony.workflows;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Where the time of one workflow went, and how many of its steps had to be computed. */
final class Ledger {
  private final Map<String, Double> phases = new TreeMap<>();
  private int computedSteps;
  private int reusedSteps;

  void time(String phase, double seconds) {
    phases.merge(phase, seconds, Double::sum);
  }

  void count(StepReport step) {
    if (step.reused()) {
      reusedSteps++;
    } else {
      computedSteps++;
    }
  }

  void add(FinetuningIteration.Result iteration) {
    iteration.phases().forEach(this::time);
    computedSteps += iteration.computedSteps();
    reusedSteps += iteration.reusedSteps();
  }

  /** By name: {@code Map.copyOf} would order them differently in every process. */
  Map<String, Double> phases() {
    return Collections.unmodifiableMap(new TreeMap<>(phases));
  }

  int computedSteps() {
    return computedSteps;
  }

  int reusedSteps() {
    return reusedSteps;
  }
}
