package polyphony.workers;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Method;

/**
 * How much of a run is done and how long the rest will take. Work is counted in answers: what a
 * scored or a trained-on answer costs next to a sampled one is a rough constant, and the speed is
 * the one of the last minutes, so that steps that were there already do not promise too much.
 */
final class RemainingWork {
  /** Cost of measuring one agent's answer, which several models score, in sampled answers. */
  private static final double EVALUATED = 1.0;

  /** Cost of one pass of training over one answer, in sampled answers. */
  private static final double TRAINED = 0.5;

  /** Share of the questions that end up in a training set. */
  private static final double KEPT = 0.7;

  private static final Duration WINDOW = Duration.ofMinutes(2);
  private static final Duration SOONEST = Duration.ofSeconds(5);

  private record Sample(Duration at, double cost) {}

  private final Map<String, Double> training;
  private final Map<String, Double> evaluation;
  private final int iterations;
  private final Deque<Sample> samples = new ArrayDeque<>();

  /**
   * @param spec complete
   */
  RemainingWork(ExperimentSpec spec) {
    this(spec, spec.iterations());
  }

  /**
   * @param iterations those that it is extended to, whatever the spec says
   */
  RemainingWork(ExperimentSpec spec, int iterations) {
    double turns = (double) spec.agents() * spec.rounds();
    int models =
        switch (Method.named(spec.method()).trains()) {
          case NOTHING -> 0;
          case ONE_MODEL -> spec.agents();
          case GENERATORS -> spec.agents();
          case GENERATORS_AND_CRITICS -> 2 * spec.agents();
        };
    training = new LinkedHashMap<>();
    if (models > 0) {
      training.put("debate", turns * spec.task().train());
      training.put(
          "train", TRAINED * KEPT * models * spec.task().train() * spec.training().epochs());
    }
    evaluation = new LinkedHashMap<>();
    evaluation.put("debate for evaluation", turns * spec.evaluated().evaluate());
    evaluation.put("evaluate", EVALUATED * spec.agents() * spec.evaluated().evaluate());
    this.iterations = iterations;
  }

  int iterations() {
    return iterations;
  }

  /** How many answers a phase of debate asks for; 0 for any other phase. */
  long answers(String phase) {
    return phase.startsWith("debate")
        ? Math.round(evaluation.getOrDefault(phase, training.getOrDefault(phase, 0.0)))
        : 0;
  }

  /** Share of the run that is done, in [0, 1]. */
  double done(int iteration, String phase, double phaseDone) {
    return cost(iteration, phase, phaseDone) / total();
  }

  /** Notes how far the run is at {@code elapsed}, and says how long the rest will take. */
  Optional<Duration> left(int iteration, String phase, double phaseDone, Duration elapsed) {
    double cost = cost(iteration, phase, phaseDone);
    samples.addLast(new Sample(elapsed, cost));
    while (elapsed.minus(samples.getFirst().at()).compareTo(WINDOW) > 0) {
      samples.removeFirst();
    }
    Sample first = samples.getFirst();
    Duration seen = elapsed.minus(first.at());
    double progress = cost - first.cost();
    if (seen.compareTo(SOONEST) < 0 || progress <= 0) {
      return Optional.empty();
    }
    return Optional.of(Duration.ofMillis((long) (seen.toMillis() * (total() - cost) / progress)));
  }

  private double total() {
    return sum(evaluation) + iterations * (sum(training) + sum(evaluation));
  }

  private double cost(int iteration, String phase, double phaseDone) {
    if (phase.equals("done")) {
      return total();
    }
    double cost =
        iteration == 0 ? 0 : sum(evaluation) + (iteration - 1) * (sum(training) + sum(evaluation));
    Map<String, Double> phases = new LinkedHashMap<>();
    if (iteration > 0) {
      phases.putAll(training);
    }
    phases.putAll(evaluation);
    double before = 0;
    for (Map.Entry<String, Double> each : phases.entrySet()) {
      if (each.getKey().equals(phase)) {
        return cost + before + each.getValue() * Math.min(1, Math.max(0, phaseDone));
      }
      before += each.getValue();
      // The short phases stand between the long ones: what precedes them is done.
      if (follows(phase, each.getKey())) {
        return cost + before;
      }
    }
    return cost;
  }

  private static boolean follows(String phase, String previous) {
    return switch (phase) {
      case "vote", "split" -> previous.equals("debate");
      case "vote for evaluation" -> previous.equals("debate for evaluation");
      case "record" -> previous.equals("evaluate");
      default -> false;
    };
  }

  private static double sum(Map<String, Double> costs) {
    return costs.values().stream().mapToDouble(Double::doubleValue).sum();
  }
}
