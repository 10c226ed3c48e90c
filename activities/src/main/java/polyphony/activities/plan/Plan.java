package polyphony.activities.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.stream.Collectors;
import polyphony.activities.ModelStep;
import polyphony.activities.resolve.FreshQuestionsStep;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.VoteStep;
import polyphony.workflows.Experiment;
import polyphony.workflows.Forecast;

/**
 * What an experiment will do.
 *
 * @param steps in the order in which they are needed
 */
public record Plan(Experiment experiment, List<PlannedStep> steps) {
  private static final List<String> ORDER =
      List.of(
          FreshQuestionsStep.NAME,
          ModelStep.DEBATE.name(),
          ModelStep.DEBATE_ROUND.name(),
          VoteStep.NAME,
          SplitStep.NAME,
          ModelStep.TRAIN_GENERATOR.name(),
          ModelStep.TRAIN_CRITIC.name(),
          ModelStep.EVALUATE.name());

  public Plan {
    steps = List.copyOf(steps);
  }

  /**
   * The steps of one name in one iteration.
   *
   * @param computed how many are not there yet
   * @param deviceSeconds what these take; null where that was never measured
   */
  public record Row(int iteration, String step, int computed, int reused, Double deviceSeconds) {}

  /** By iteration, then by step in the order of the method. */
  public List<Row> rows(Rates rates) {
    return steps.stream()
        .collect(
            Collectors.groupingBy(
                each -> new Group(each.wave().iteration(), ORDER.indexOf(each.step())),
                TreeMap::new,
                Collectors.toList()))
        .values()
        .stream()
        .map(group -> row(group, rates))
        .toList();
  }

  private record Group(int iteration, int step) implements Comparable<Group> {
    @Override
    public int compareTo(Group other) {
      return Comparator.comparingInt(Group::iteration)
          .thenComparingInt(Group::step)
          .compare(this, other);
    }
  }

  private static Row row(List<PlannedStep> group, Rates rates) {
    Double seconds = 0.0;
    int computed = 0;
    for (PlannedStep each : group) {
      if (each.reused()) {
        continue;
      }
      computed++;
      if (each.work() != null) {
        Optional<Rates.Cost> cost = rates.cost(each.work());
        seconds = cost.isEmpty() || seconds == null ? null : seconds + cost.get().seconds();
      }
    }
    PlannedStep first = group.get(0);
    return new Row(
        first.wave().iteration(), first.step(), computed, group.size() - computed, seconds);
  }

  /** Kinds of work to be done that were never measured, such as {@code scorings}. */
  public List<String> unmeasured(Rates rates) {
    return steps.stream()
        .filter(each -> !each.reused() && each.work() != null)
        .map(PlannedStep::work)
        .filter(each -> rates.cost(each).isEmpty())
        .map(Work::kind)
        .distinct()
        .toList();
  }

  /**
   * What it will take.
   *
   * @param slots steps that are computed at the same time
   * @param secondsOfStep that a step takes beside its work
   * @param memoryBytes that a process needs at most
   * @return empty where a kind of work was never measured
   */
  public Optional<Forecast> forecast(
      Rates rates, int slots, double secondsOfStep, long memoryBytes) {
    Map<PlannedStep.Wave, List<Double>> waves = new LinkedHashMap<>();
    double bytes = 0;
    double deviceSeconds = 0;
    int reused = 0;
    for (PlannedStep step : steps) {
      double seconds = 0;
      if (step.reused()) {
        reused++;
      } else if (step.work() != null) {
        Optional<Rates.Cost> cost = rates.cost(step.work());
        if (cost.isEmpty()) {
          return Optional.empty();
        }
        seconds = cost.get().seconds();
        bytes += cost.get().bytes();
      }
      deviceSeconds += seconds;
      waves.computeIfAbsent(step.wave(), wave -> new ArrayList<>()).add(seconds);
    }
    double wall = steps.size() * secondsOfStep;
    for (List<Double> wave : waves.values()) {
      wall += makespan(wave, slots);
    }
    return Optional.of(
        new Forecast(
            steps.size() - reused,
            reused,
            wall,
            deviceSeconds,
            Math.round(bytes),
            memoryBytes,
            slots));
  }

  /** How long it takes until all are done, where each takes the next slot that is free. */
  private static double makespan(List<Double> seconds, int slots) {
    PriorityQueue<Double> free = new PriorityQueue<>();
    double end = 0;
    for (double each : seconds) {
      double start = free.size() < slots ? 0 : free.remove();
      free.add(start + each);
      end = Math.max(end, start + each);
    }
    return end;
  }
}
