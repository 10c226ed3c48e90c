package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * How far a run is.
 *
 * @param phase such as {@code resolve}, {@code debate}, {@code train}, {@code evaluate}, {@code
 *     done}; {@value #PAUSED} while an operator holds it, {@value #NEEDS_ATTENTION} while a step
 *     waits for a person. An experiment has its iteration's, and {@code iterate} between two.
 * @param iteration current one
 * @param iterations in all
 * @param unitsDone activities done in this phase; of an experiment, iterations
 * @param units activities of this phase; of an experiment, iterations
 * @param reports of finished iterations
 * @param parked steps that wait for a person
 * @param forecast of an experiment, once there is one; else null
 */
public record Progress(
    String phase,
    int iteration,
    int iterations,
    int unitsDone,
    int units,
    List<IterationReport> reports,
    List<ParkedStep> parked,
    @JsonInclude(JsonInclude.Include.NON_NULL) Forecast forecast) {
  public static final String PAUSED = "paused";
  public static final String NEEDS_ATTENTION = "NEEDS_ATTENTION";

  public Progress {
    reports = List.copyOf(reports);
    parked = parked == null ? List.of() : List.copyOf(parked);
  }

  /** The phase to show where an operator, or a step that failed, may hold up the work. */
  static String phase(String working, boolean paused, List<ParkedStep> parked) {
    return paused ? PAUSED : parked.isEmpty() ? working : NEEDS_ATTENTION;
  }
}
