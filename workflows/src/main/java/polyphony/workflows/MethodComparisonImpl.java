package polyphony.workflows;

import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.ChildWorkflowFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.ChildWorkflowCancellationType;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Runs the experiments of a comparison. Those on one task with one base model and one seed have
 * steps in common, and run one after the other, so that each finds what the ones before it have
 * computed; the others run side by side.
 */
public final class MethodComparisonImpl implements MethodComparison {
  /** An experiment that somebody else has started is waited for, at first so often. */
  private static final Duration FIRST_POLL = Duration.ofSeconds(5);

  /** Days of waiting must fit into a history. */
  private static final Duration LAST_POLL = Duration.ofMinutes(10);

  private final Set<String> running = new TreeSet<>();
  private final List<ComparisonProgress.Finished> finished = new ArrayList<>();
  private final Map<String, Integer> iterations = new TreeMap<>();
  private final Map<String, TemporalFailure> failed = new TreeMap<>();
  private KeptReport report;
  private List<ComparisonResult.Row> rows = List.of();
  private int experiments;
  private int computedSteps;
  private int reusedSteps;

  /** One experiment of the comparison. */
  private record Planned(String name, ExperimentSpec spec) {
    /** Those with equal lanes run one after the other. */
    String lane() {
      return spec.task() + " " + spec.baseModel() + " " + spec.seed();
    }
  }

  @Override
  public ComparisonResult run(ComparisonSpec spec) {
    ComparisonResult result;
    try {
      result = compare(spec == null ? ComparisonSpec.empty() : spec);
    } catch (TemporalFailure failure) {
      TemporalFailure surfaced = FailureTypes.surfaced(failure);
      announce(Notices.ending(surfaced), FailureTypes.line(surfaced));
      throw surfaced;
    }
    announce(Notices.DONE, experiments + " experiments are compared");
    return result;
  }

  private static void announce(String event, String message) {
    Notices.send(
        new Notice(
            Notices.key(event),
            event,
            Workflow.getInfo().getWorkflowId(),
            event,
            null,
            null,
            null,
            null,
            message));
  }

  @Override
  public ComparisonProgress progress() {
    return new ComparisonProgress(experiments, finished, List.copyOf(running));
  }

  private ComparisonResult compare(ComparisonSpec asked) {
    String name = Workflow.getInfo().getWorkflowId();
    if (!ExperimentNames.isValid(name)) {
      throw FailureTypes.config(
          "the workflow id \""
              + name
              + "\" is the comparison's name, allowed: "
              + ExperimentNames.ALLOWED);
    }
    if (asked.comparison() != null && !asked.comparison().equals(name)) {
      throw FailureTypes.config(
          "comparison is \""
              + asked.comparison()
              + "\", but the workflow id, which is its name, is \""
              + name
              + "\": make them equal or leave comparison out");
    }
    List<Planned> planned = plan(asked.experiments());
    experiments = planned.size();
    changed();
    Map<String, List<Planned>> lanes = new LinkedHashMap<>();
    planned.forEach(
        each -> lanes.computeIfAbsent(each.lane(), lane -> new ArrayList<>()).add(each));
    List<Promise<Void>> through = new ArrayList<>();
    for (List<Planned> lane : lanes.values()) {
      through.add(Async.procedure(() -> lane.forEach(this::runOne)));
    }
    Promise.allOf(through).get();
    if (CancellationScope.current().isCancelRequested()) {
      CancellationScope.throwCanceled();
    }
    if (!failed.isEmpty()) {
      throw someFailed();
    }
    List<ComparisonResult.Compared> compared =
        planned.stream()
            .map(each -> new ComparisonResult.Compared(each.name(), iterations.get(each.name())))
            .toList();
    rows =
        StepOptions.retried("compare " + compared.size() + " experiments").compare(name, compared);
    changed();
    Reporting.keep(
            name,
            kept -> {
              report = kept;
              changed();
            })
        .get();
    return new ComparisonResult(name, compared, rows, computedSteps, reusedSteps);
  }

  private static List<Planned> plan(List<ExperimentSpec> specs) {
    List<String> names = StepOptions.retried("name the experiments").nameExperiments(specs);
    List<Planned> planned = new ArrayList<>();
    for (int i = 0; i < specs.size(); i++) {
      if (names.indexOf(names.get(i)) < i) {
        throw FailureTypes.config(
            "methods "
                + specs.get(names.indexOf(names.get(i))).method()
                + " and "
                + specs.get(i).method()
                + " come to the same experiment "
                + names.get(i)
                + ": leave one of them out");
      }
      planned.add(new Planned(names.get(i), specs.get(i)));
    }
    return planned;
  }

  /** Runs one experiment to its end; its failure is kept for later, since the others go on. */
  private void runOne(Planned experiment) {
    running.add(experiment.name());
    changed();
    try {
      ExperimentResult result = awaited(experiment);
      computedSteps += result.computedSteps();
      reusedSteps += result.reusedSteps();
      IterationReport last = result.iterations().get(result.iterations().size() - 1);
      iterations.put(experiment.name(), last.iteration());
      finished.add(new ComparisonProgress.Finished(experiment.name(), last));
    } catch (ChildWorkflowFailure failure) {
      if (CancellationScope.current().isCancelRequested()) {
        throw failure;
      }
      failed.put(experiment.name(), FailureTypes.surfaced(failure));
    } finally {
      running.remove(experiment.name());
      changed();
    }
  }

  private static ExperimentResult awaited(Planned experiment) {
    for (Duration poll = FIRST_POLL; ; poll = longer(poll)) {
      try {
        return Workflow.newChildWorkflowStub(MultiagentFinetuning.class, options(experiment))
            .run(experiment.spec());
      } catch (ChildWorkflowFailure failure) {
        if (!(failure.getCause() instanceof WorkflowExecutionAlreadyStarted)) {
          throw failure;
        }
        Workflow.sleep(poll);
      }
    }
  }

  private static Duration longer(Duration poll) {
    Duration doubled = poll.multipliedBy(2);
    return doubled.compareTo(LAST_POLL) > 0 ? LAST_POLL : doubled;
  }

  private static ChildWorkflowOptions options(Planned experiment) {
    boolean unattended =
        Boolean.TRUE.equals(Workflow.getMemo(MultiagentFinetuning.UNATTENDED, Boolean.class));
    return ChildWorkflowOptions.newBuilder()
        .setWorkflowId(experiment.name())
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
        .setParentClosePolicy(ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
        .setCancellationType(ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED)
        .setMemo(Map.of(MultiagentFinetuning.UNATTENDED, unattended))
        .setStaticSummary(experiment.spec().method() + " · seed " + experiment.spec().seed())
        .build();
  }

  private ApplicationFailure someFailed() {
    String name = failed.keySet().iterator().next();
    TemporalFailure first = failed.get(name);
    return ApplicationFailure.newNonRetryableFailure(
        failed.size()
            + " of "
            + experiments
            + " experiments failed, such as "
            + name
            + ": "
            + FailureTypes.line(first)
            + "; what is done is kept: mend that, and start the comparison again",
        FailureTypes.type(first));
  }

  /** What the Web UI shows. */
  private void changed() {
    CurrentDetails details = new CurrentDetails();
    details.bullet(finished.size() + " of " + experiments + " experiments are through");
    failed.forEach(
        (name, failure) ->
            details.bullet("**" + name + "** failed: " + FailureTypes.line(failure)));
    if (report != null) {
      details.bullet(report.text(Workflow.getInfo().getWorkflowId()));
    }
    rows.forEach(row -> details.bullet(line(row)));
    if (!running.isEmpty()) {
      details.bullet("running: " + String.join(", ", running));
    }
    Workflow.setCurrentDetails(
        details
            .newest(
                finished.stream()
                    .map(
                        each ->
                            String.format(
                                Locale.ROOT,
                                "%s: accuracy %.3f ± %.3f",
                                each.experiment(),
                                each.last().accuracy(),
                                each.last().standardError()))
                    .toList())
            .toString());
  }

  /** Such as {@code arithmetic, built-in: debate 0.722 ± 0.012, rank 4}. */
  private static String line(ComparisonResult.Row row) {
    return String.format(
        Locale.ROOT,
        "%s, %s: **%s** %.3f ± %.3f, rank %s",
        row.task(),
        row.baseModel(),
        row.method(),
        row.accuracy(),
        row.standardError(),
        row.rank());
  }
}
