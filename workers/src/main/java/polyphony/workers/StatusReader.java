package polyphony.workers;

import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowQueryException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSearchAttributes;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Progress;

/**
 * Finds out how an experiment stands: from its workers where they answer, from its history, and
 * from the store, which outlives both.
 */
final class StatusReader {
  private final String name;
  private final StoredExperiments stored;
  private final List<String> notes = new ArrayList<>();
  private String summary;
  private ExperimentState state = ExperimentState.RECORDED;
  private String started;
  private String closed;
  private String phase;
  private Integer iteration;
  private Integer iterations;
  private Integer unitsDone;
  private Integer units;
  private String failure;
  private List<String> attention = List.of();
  private List<PendingStep> pending = List.of();
  private List<IterationReport> reports = List.of();

  private StatusReader(String name, StoredExperiments stored) {
    this.name = name;
    this.stored = stored;
  }

  /**
   * @param remote the experiment at a Temporal service; empty where none is named
   * @throws PolyphonyException CONFIG where nobody knows such an experiment
   */
  static ExperimentStatus read(
      String name, Optional<RemoteExperiment> remote, StoredExperiments stored)
      throws InterruptedException {
    StatusReader reader = new StatusReader(name, stored);
    Optional<WorkflowExecutionDescription> description =
        remote.flatMap(RemoteExperiment::description);
    if (description.isPresent()) {
      reader.readHistory(remote.orElseThrow(), description.get());
    } else {
      reader.readRecords(remote.isPresent());
    }
    return reader.status();
  }

  private ExperimentStatus status() {
    return new ExperimentStatus(
        name,
        summary,
        state,
        started,
        closed,
        phase,
        iteration,
        iterations,
        unitsDone,
        units,
        failure,
        attention,
        pending,
        reports,
        notes);
  }

  private void readHistory(RemoteExperiment remote, WorkflowExecutionDescription description)
      throws InterruptedException {
    summary = description.getStaticSummary();
    started = time(description.getStartTime());
    closed = time(description.getCloseTime());
    phase = description.getTypedSearchAttributes().get(ExperimentSearchAttributes.PHASE);
    Long found = description.getTypedSearchAttributes().get(ExperimentSearchAttributes.ITERATION);
    iteration = found == null ? null : found.intValue();
    state = ExperimentState.of(description.getStatus(), phase);
    if (state.isOpen()) {
      readProgress(remote);
      pending = remote.pending(iteration == null ? 0 : iteration);
    } else {
      readResult(remote);
    }
  }

  /** What the workers say, or else the store. */
  private void readProgress(RemoteExperiment remote) throws InterruptedException {
    Optional<Progress> answer = answer(remote);
    if (answer.isEmpty()) {
      readReports();
      return;
    }
    Progress progress = answer.get();
    phase = progress.phase();
    state = ExperimentState.of(phase);
    iteration = progress.iteration();
    iterations = progress.iterations();
    reports = progress.reports();
    if (state == ExperimentState.NEEDS_ATTENTION) {
      attention = Attention.lines(name, progress.parked());
    } else if (state == ExperimentState.PAUSED) {
      attention = List.of(Attention.paused(name));
    }
    if (!Phases.OUTSIDE_ITERATIONS.contains(phase)) {
      remote
          .progress(iteration)
          .ifPresent(
              each -> {
                // It has this one's by a signal, a little later.
                phase = each.phase();
                unitsDone = each.unitsDone();
                units = each.units();
              });
    }
  }

  private Optional<Progress> answer(RemoteExperiment remote) throws InterruptedException {
    try {
      Optional<Progress> answer = remote.progress();
      if (answer.isEmpty()) {
        notes.add(RemoteExperiment.NO_WORKER);
      }
      return answer;
    } catch (WorkflowQueryException e) {
      notes.add("its workers cannot tell how it stands: " + Failure.of(e).line());
      return Optional.empty();
    }
  }

  private void readResult(RemoteExperiment remote) {
    phase = null;
    try {
      ExperimentResult result = remote.result();
      reports = result.iterations();
      iterations = result.experiment().spec().iterations();
      iteration = reports.isEmpty() ? null : reports.get(reports.size() - 1).iteration();
    } catch (WorkflowFailedException e) {
      failure = Failure.of(e).line();
      readReports();
    }
  }

  /** Of finished iterations; what a store does not hold is no reason to hide the rest. */
  private void readReports() {
    try {
      stored
          .records()
          .ifPresent(
              records -> {
                reports = records.reports(name);
                records.experiment(name).ifPresent(each -> iterations = each.spec().iterations());
              });
    } catch (PolyphonyException e) {
      notes.add("no results from the store: " + e.getMessage());
    }
  }

  private void readRecords(boolean asked) {
    Optional<ExperimentRecords> records = stored.records();
    Experiment experiment =
        records
            .flatMap(each -> each.experiment(name))
            .orElseThrow(
                () ->
                    PolyphonyException.config(
                        (asked ? "neither Temporal nor " : "TEMPORAL_ADDRESS is not set, and ")
                            + stored
                            + (asked ? " knows" : " has")
                            + (asked ? " an experiment " : " no experiment ")
                            + name
                            + "; polyphony list shows those that there are"));
    summary = ExperimentDescription.summary(experiment.spec());
    reports = records.orElseThrow().reports(name);
    iterations = experiment.spec().iterations();
    iteration = reports.isEmpty() ? null : reports.get(reports.size() - 1).iteration();
    notes.add(
        (asked ? "Temporal has no history of it (any more)" : "TEMPORAL_ADDRESS is not set")
            + ": this is what "
            + stored
            + " holds");
  }

  private static String time(Instant instant) {
    return instant == null ? null : instant.toString();
  }
}
