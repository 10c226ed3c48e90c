package polyphony.workers;

import java.time.Duration;
import java.util.Optional;

/**
 * A moment of a run, as a person is to see it.
 *
 * @param phase such as {@code debate}
 * @param iteration current one
 * @param iterations in all, the untuned society's not counted
 * @param unitsDone activities done in this phase
 * @param units activities of this phase; 0 where not known yet
 * @param who is being worked on, such as {@code agent 2, round 1}; may be empty
 * @param count such as {@code 120/500 answers}; may be empty
 * @param tokensPerSecond over the last seconds
 * @param done share of the whole run, in [0, 1]
 * @param elapsed since the start
 * @param left empty while that cannot be told
 */
record ProgressView(
    String phase,
    int iteration,
    int iterations,
    int unitsDone,
    int units,
    String who,
    String count,
    double tokensPerSecond,
    double done,
    Duration elapsed,
    Optional<Duration> left) {}
