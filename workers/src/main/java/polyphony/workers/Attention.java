package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import polyphony.workflows.ParkedStep;

/** What a person has to know, and can do, where an experiment waits for one. */
final class Attention {
  private Attention() {}

  /** What is wrong with each step, then what can be done. */
  static List<String> lines(String experiment, List<ParkedStep> parked) {
    List<String> lines = new ArrayList<>();
    for (ParkedStep each : parked) {
      lines.add(each.step() + " failed (" + each.type() + "): " + each.message());
    }
    lines.add("mend that, then: " + command("retry", experiment));
    // Steps of one kind are skipped to the same effect.
    Set.copyOf(parked.stream().map(ParkedStep::skip).filter(skip -> !skip.isEmpty()).toList())
        .stream()
        .sorted()
        .forEach(
            skip ->
                lines.add("or go on without: " + command("skip", experiment) + " (" + skip + ")"));
    lines.add("or give up, keeping what is done: " + command("abort", experiment));
    return lines;
  }

  /** How an experiment that is paused goes on. */
  static String paused(String experiment) {
    return "paused by an operator; to go on: " + command("resume", experiment);
  }

  static String command(String action, String experiment) {
    return "polyphony " + action + " " + experiment;
  }
}
