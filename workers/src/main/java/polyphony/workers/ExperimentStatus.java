package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import polyphony.workflows.IterationReport;

/**
 * How an experiment stands, as far as anybody can tell. What nobody can tell is null.
 *
 * @param summary one line about it
 * @param started first event of the latest run, ISO 8601; null where there is no history
 * @param closed last event of the latest run; null while it is open or where there is no history
 * @param iteration current or last one
 * @param iterations in all
 * @param unitsDone units of work done in this phase
 * @param units units of work of this phase, 0 before they are known
 * @param failure why a closed run has no result
 * @param attention what a person has to know and can do
 * @param pending unfinished steps, those under way first
 * @param reports of finished iterations, from the untuned society
 * @param notes what could not be found out, and why
 */
record ExperimentStatus(
    String experiment,
    String summary,
    ExperimentState state,
    String started,
    String closed,
    String phase,
    Integer iteration,
    Integer iterations,
    Integer unitsDone,
    Integer units,
    String failure,
    List<String> attention,
    List<PendingStep> pending,
    @JsonIgnore List<IterationReport> reports,
    List<String> notes) {

  /** The reports as {@code run --json} has them. */
  @JsonProperty
  List<RunSummary.Iteration> results() {
    return reports.stream().map(RunSummary.Iteration::of).toList();
  }
}
