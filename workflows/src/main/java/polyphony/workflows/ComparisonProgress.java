package polyphony.workflows;

import java.util.List;

/**
 * How far a comparison is.
 *
 * @param experiments in all; 0 until that is known
 * @param running names of those under way
 */
public record ComparisonProgress(int experiments, List<Finished> finished, List<String> running) {
  public ComparisonProgress {
    finished = List.copyOf(finished);
    running = List.copyOf(running);
  }

  /**
   * An experiment that is through.
   *
   * @param last its last iteration's report
   */
  public record Finished(String experiment, IterationReport last) {}
}
