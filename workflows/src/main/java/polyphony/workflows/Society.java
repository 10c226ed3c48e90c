package polyphony.workflows;

import java.util.Collections;
import java.util.List;
import polyphony.storage.ArtifactRef;

/**
 * The agents' current checkpoints. A method that trains fewer models repeats them here, so that the
 * rest of the pipeline need not know.
 *
 * @param generators by agent: who answers in round 1
 * @param critics by agent: who answers in later rounds
 */
public record Society(List<ArtifactRef> generators, List<ArtifactRef> critics) {
  public Society {
    generators = List.copyOf(generators);
    critics = List.copyOf(critics);
  }

  /** {@code agents} copies of one model. */
  public static Society copies(ArtifactRef model, int agents) {
    return new Society(Collections.nCopies(agents, model), Collections.nCopies(agents, model));
  }

  /** The first agent without the others. */
  Society alone() {
    return new Society(generators.subList(0, 1), critics.subList(0, 1));
  }

  public int agents() {
    return generators.size();
  }
}
