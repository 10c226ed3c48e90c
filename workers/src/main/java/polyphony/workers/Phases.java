package polyphony.workers;

import java.util.Set;
import polyphony.workflows.Progress;

/** What an experiment's phases say of where it is. */
final class Phases {
  /** Phases of an experiment in which it has no iteration under way. */
  static final Set<String> OUTSIDE_ITERATIONS = Set.of("resolve", "done");

  private static final Set<String> HELD = Set.of(Progress.PAUSED, Progress.NEEDS_ATTENTION);

  private Phases() {}

  /** Whether no work is done in it. */
  static boolean isHeld(String phase) {
    return HELD.contains(phase);
  }
}
