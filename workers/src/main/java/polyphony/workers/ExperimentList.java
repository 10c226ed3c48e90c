package polyphony.workers;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowServiceException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentSearchAttributes;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;

/**
 * Experiments, the latest first; then those of which only the store knows, by name.
 *
 * @param notes what could not be found out, and why
 */
record ExperimentList(List<Entry> experiments, List<String> notes) {
  private static final String ABSENT = "–";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);

  /**
   * One experiment. What nobody can tell is null.
   *
   * @param task finetuned on; and after an arrow the one evaluated on, where that is another one
   *     and the store tells of it
   * @param iteration current or last one
   * @param accuracy latest one
   * @param started ISO 8601
   */
  record Entry(
      String experiment,
      String task,
      ExperimentState state,
      Integer iteration,
      String phase,
      Double accuracy,
      String started) {

    static Entry of(WorkflowExecutionMetadata run) {
      var attributes = run.getTypedSearchAttributes();
      String phase = attributes.get(ExperimentSearchAttributes.PHASE);
      Long iteration = attributes.get(ExperimentSearchAttributes.ITERATION);
      return new Entry(
          run.getExecution().getWorkflowId(),
          attributes.get(ExperimentSearchAttributes.TASK),
          ExperimentState.of(run.getStatus(), phase),
          iteration == null ? null : iteration.intValue(),
          phase,
          attributes.get(ExperimentSearchAttributes.ACCURACY),
          run.getStartTime().toString());
    }

    static Entry of(String name, List<IterationReport> reports) {
      Optional<IterationReport> last =
          reports.isEmpty() ? Optional.empty() : Optional.of(reports.get(reports.size() - 1));
      return new Entry(
          name,
          null,
          ExperimentState.RECORDED,
          last.map(IterationReport::iteration).orElse(null),
          null,
          last.map(IterationReport::accuracy).orElse(null),
          null);
    }

    Entry told(Experiment recorded) {
      ExperimentSpec spec = recorded.spec();
      String tasks =
          ExperimentDescription.task(spec.task())
              + (spec.evaluateOn() == null
                  ? ""
                  : " → " + ExperimentDescription.task(spec.evaluateOn()));
      return new Entry(experiment, tasks, state, iteration, phase, accuracy, started);
    }
  }

  /**
   * @param client empty where no Temporal service is named
   */
  static ExperimentList read(Optional<WorkflowClient> client, StoredExperiments stored) {
    List<String> notes = new ArrayList<>();
    Map<String, Entry> entries = new LinkedHashMap<>();
    if (client.isPresent()) {
      listed(client.get(), notes).stream()
          .sorted(Comparator.comparing(Entry::started).reversed())
          // Of several runs under one name, the latest.
          .forEach(entry -> entries.putIfAbsent(entry.experiment(), entry));
    } else {
      notes.add("TEMPORAL_ADDRESS is not set: these are the experiments of " + stored);
    }
    try {
      Optional<ExperimentRecords> records = stored.records();
      if (records.isPresent()) {
        for (String name : records.get().names()) {
          if (!entries.containsKey(name)) {
            entries.put(name, Entry.of(name, records.get().reports(name)));
          }
          entries.computeIfPresent(name, (key, entry) -> told(entry, records.get(), notes));
        }
      }
    } catch (PolyphonyException e) {
      if (client.isEmpty()) {
        throw e;
      }
      notes.add("no experiments from the store: " + e.getMessage());
    }
    return new ExperimentList(List.copyOf(entries.values()), List.copyOf(notes));
  }

  /** With its tasks; a damaged record hides no other experiment. */
  private static Entry told(Entry entry, ExperimentRecords records, List<String> notes) {
    try {
      return records.experiment(entry.experiment()).map(entry::told).orElse(entry);
    } catch (PolyphonyException e) {
      if (e.errorClass().retryable()) {
        throw e;
      }
      notes.add(e.getMessage());
      return entry;
    }
  }

  private static List<Entry> listed(WorkflowClient client, List<String> notes) {
    try (Stream<WorkflowExecutionMetadata> runs =
        client.listExecutions("WorkflowType = 'MultiagentFinetuning'")) {
      return runs.map(Entry::of).toList();
    } catch (StatusRuntimeException | WorkflowServiceException e) {
      if (Status.fromThrowable(e).getCode() == Status.Code.UNIMPLEMENTED) {
        notes.add(
            "this Temporal service cannot list experiments; polyphony status shows one by its"
                + " name");
        return List.of();
      }
      throw e;
    }
  }

  /** For people; ends with a line break. */
  String text(ZoneId zone) {
    StringBuilder text = new StringBuilder();
    if (experiments.isEmpty()) {
      text.append("no experiments\n");
    } else {
      List<List<String>> rows = new ArrayList<>();
      rows.add(List.of("experiment", "task", "state", "iteration", "accuracy", "phase", "started"));
      for (Entry each : experiments) {
        rows.add(
            List.of(
                each.experiment(),
                each.task() == null ? ABSENT : each.task(),
                each.state().shown(),
                each.iteration() == null
                    ? ABSENT
                    : each.iteration() == 0 ? "untuned" : each.iteration().toString(),
                each.accuracy() == null
                    ? ABSENT
                    : String.format(Locale.ROOT, "%.3f", each.accuracy()),
                each.phase() == null || !each.state().isOpen() || Phases.isHeld(each.phase())
                    ? ABSENT
                    : each.phase(),
                each.started() == null
                    ? ABSENT
                    : TIME.format(Instant.parse(each.started()).atZone(zone))));
      }
      text.append(AlignedText.of(rows));
    }
    notes.forEach(note -> text.append(note).append('\n'));
    return text.toString();
  }
}
