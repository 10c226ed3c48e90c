package polyphony.activities.report;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import polyphony.activities.JsonLines;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.compare.PairedDifference;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.activities.evaluate.Measurement;
import polyphony.activities.lm.Trainer;
import polyphony.activities.regrade.StepRequests;
import polyphony.activities.split.AgentSets;
import polyphony.activities.split.Debated;
import polyphony.activities.split.SplitStep;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.workflows.Experiment;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.Split;

/**
 * Reads what a store has of an experiment, finished or not. In memory at any one time: its step
 * manifests, the measurements of three iterations, and the answers to the finetuning questions of
 * one.
 */
final class ExperimentReader {
  private static final Pattern ITERATION = Pattern.compile(".*/iteration-([0-9]{3,})\\.json");
  private static final int LOSSES = 150;

  /** Normal quantile of a 95 % interval. */
  static final double QUANTILE = 1.96;

  private static final List<Measure> CHANGING =
      List.of(
          Measure.ACCURACY,
          Measure.FIRST_ROUND_ACCURACY,
          Measure.CONSENSUS,
          Measure.LIKELIHOOD,
          Measure.EMBEDDING_DISSIMILARITY);

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final StepRequests requests;

  /** An iteration as it is recorded; null where that cannot be read. */
  private record Recorded(
      IterationReport report, IterationRecord record, List<Measurement> measurements) {}

  /** A question in two iterations. */
  private record Pair(Measurement before, Measurement after) {}

  ExperimentReader(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
    this.requests = new StepRequests(store);
  }

  /** Whether the store has anything of an experiment of this name. */
  boolean knows(String name) {
    return !store.list(prefix(name)).isEmpty();
  }

  private static String prefix(String name) {
    return "experiments/" + name + "/";
  }

  ExperimentReport read(String name) {
    Notes notes = new Notes();
    ExperimentRecords records = new ExperimentRecords(store);
    Experiment experiment =
        notes
            .reading("the experiment's own record", () -> records.experiment(name))
            .flatMap(each -> each)
            .orElse(null);
    UsedSteps steps = UsedSteps.read(store, name, notes);
    List<ExperimentReport.Iteration> iterations = new ArrayList<>();
    Recorded first = null;
    Recorded last = null;
    for (int number : finished(name)) {
      Optional<IterationReport> report =
          notes
              .reading("iteration " + number, () -> records.report(name, number))
              .flatMap(each -> each);
      if (report.isPresent()) {
        Recorded recorded = recorded(report.get(), notes);
        iterations.add(iteration(recorded, notes));
        if (recorded.record() != null && experiment == null) {
          experiment = recorded.record().request().experiment();
        }
        first = number == 0 ? recorded : first;
        last = recorded;
      }
    }
    return new ExperimentReport(
        name,
        experiment,
        iterations,
        first == null || last.report().iteration() == 0 ? List.of() : changes(first, last),
        last == null || last.measurements() == null
            ? null
            : new DebateReader(artifacts, steps, notes).read(last.record(), last.measurements()),
        steps.works(),
        steps.unfinished(),
        steps.machines(),
        notes.all());
  }

  private List<Integer> finished(String name) {
    return store.list(prefix(name)).stream()
        .map(ITERATION::matcher)
        .filter(Matcher::matches)
        .map(each -> Integer.valueOf(each.group(1)))
        .sorted()
        .toList();
  }

  private Recorded recorded(IterationReport report, Notes notes) {
    String of = " of iteration " + report.iteration();
    IterationRecord record =
        notes
            .reading("the record" + of, () -> IterationRecord.read(artifacts, report.record()))
            .orElse(null);
    List<Measurement> measurements =
        record == null
            ? null
            : notes
                .reading(
                    "the measurements" + of + ", and with them its standard errors and debates,",
                    () -> record.measurements(artifacts))
                .orElse(null);
    return new Recorded(report, record, measurements);
  }

  private ExperimentReport.Iteration iteration(Recorded recorded, Notes notes) {
    IterationReport report = recorded.report();
    Recording.Request request = recorded.record() == null ? null : recorded.record().request();
    return new ExperimentReport.Iteration(
        report,
        estimates(recorded),
        labelPrecision(report),
        request == null || request.split() == null
            ? List.of()
            : notes
                .reading(
                    "where answers of iteration " + report.iteration() + " went,",
                    () -> flows(request))
                .orElse(List.of()),
        request == null
            ? List.of()
            : request.trainings().stream()
                .map(each -> training(each, report.iteration(), notes))
                .toList(),
        request == null ? List.of() : request.skipped());
  }

  private static Map<Measure, ExperimentReport.Estimate> estimates(Recorded recorded) {
    Map<Measure, ExperimentReport.Estimate> estimates = new EnumMap<>(Measure.class);
    for (Measure measure : Measure.values()) {
      estimates.put(measure, estimate(measure, recorded));
    }
    return estimates;
  }

  private static ExperimentReport.Estimate estimate(Measure measure, Recorded recorded) {
    Double value = measure.of(recorded.report());
    Double standardError =
        measure == Measure.ACCURACY
            ? Double.valueOf(recorded.report().standardError())
            : value == null || recorded.measurements() == null
                ? null
                : Jackknife.standardError(recorded.measurements(), measure::of);
    return new ExperimentReport.Estimate(value, standardError);
  }

  /** The standard error is sqrt(p (1 - p) / n), as that of the accuracy. */
  private static ExperimentReport.Estimate labelPrecision(IterationReport report) {
    Double share = report.labelPrecision();
    return share == null || report.labelled() == null
        ? null
        : new ExperimentReport.Estimate(share, Math.sqrt(share * (1 - share) / report.labelled()));
  }

  private static List<ExperimentReport.Change> changes(Recorded first, Recorded last) {
    if (first.measurements() == null
        || last.measurements() == null
        || first.measurements().size() != last.measurements().size()) {
      return List.of();
    }
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < first.measurements().size(); i++) {
      pairs.add(new Pair(first.measurements().get(i), last.measurements().get(i)));
    }
    List<ExperimentReport.Change> changes = new ArrayList<>();
    for (Measure measure : CHANGING) {
      Double before = measure.of(first.report());
      Double after = measure.of(last.report());
      // One agent alone always agrees with itself.
      boolean trivial = measure == Measure.CONSENSUS && last.report().likelihood() == null;
      if (before != null && after != null && !trivial) {
        change(measure, before, after, pairs).ifPresent(changes::add);
      }
    }
    return changes;
  }

  private static Optional<ExperimentReport.Change> change(
      Measure measure, double before, double after, List<Pair> pairs) {
    if (measure == Measure.ACCURACY) {
      PairedDifference paired =
          PairedDifference.of(
              List.of(correct(pairs, Pair::after)), List.of(correct(pairs, Pair::before)));
      return Optional.of(
          new ExperimentReport.Change(
              measure,
              before,
              after,
              paired.difference(),
              paired.standardError(),
              paired.low(),
              paired.high()));
    }
    return Optional.ofNullable(Jackknife.standardError(pairs, some -> difference(measure, some)))
        .map(
            error ->
                new ExperimentReport.Change(
                    measure,
                    before,
                    after,
                    after - before,
                    error,
                    after - before - QUANTILE * error,
                    after - before + QUANTILE * error));
  }

  private interface Side {
    Measurement of(Pair pair);
  }

  private static boolean[] correct(List<Pair> pairs, Side side) {
    boolean[] correct = new boolean[pairs.size()];
    for (int i = 0; i < correct.length; i++) {
      correct[i] = side.of(pairs.get(i)).correct();
    }
    return correct;
  }

  private static Double difference(Measure measure, List<Pair> pairs) {
    Double before = measure.of(pairs.stream().map(Pair::before).toList());
    Double after = measure.of(pairs.stream().map(Pair::after).toList());
    return before == null || after == null ? null : after - before;
  }

  private List<ExperimentReport.Flow> flows(Recording.Request request) {
    Split.Request split = requests.of(request.split().step(), Split.Request.class);
    List<Label> labels = JsonLines.read(artifacts.bytes(request.labels().votes()), Label.class);
    Map<String, Label> byQuestion = new HashMap<>();
    labels.forEach(label -> byQuestion.put(label.question(), label));
    List<List<Debated>> agents =
        Debated.byAgent(
            split, labels, artifacts, Tasks.grader(split.task()), UnaryOperator.identity());
    List<ExperimentReport.Flow> flows = new ArrayList<>();
    for (int agent = 0; agent < agents.size(); agent++) {
      List<Debated> own = agents.get(agent);
      AgentSets sets = AgentSets.of(own, SplitStep.allTurns(split));
      Optional<Split.TrainingSet> generator = set(request.split(), Role.GENERATOR, agent);
      Optional<Split.TrainingSet> critic = set(request.split(), Role.CRITIC, agent);
      flows.add(
          new ExperimentReport.Flow(
              agent + 1,
              own.size(),
              (int) own.stream().filter(each -> unlabelled(byQuestion, each)).count(),
              sets.generator().size(),
              sets.corrected().size(),
              sets.confirmed().size(),
              (int)
                  own.stream()
                      .filter(each -> each.membership().first() && !each.membership().last())
                      .count(),
              (int)
                  own.stream()
                      .filter(each -> !each.membership().first() && !each.membership().last())
                      .filter(each -> !unlabelled(byQuestion, each))
                      .count(),
              sets.cutFirst() + sets.cutLast(),
              generator.map(Split.TrainingSet::count).orElse(0),
              critic.map(Split.TrainingSet::corrected).orElse(0),
              critic.map(Split.TrainingSet::confirmed).orElse(0),
              critic.map(Split.TrainingSet::count).orElse(0),
              String.join(
                  "; ",
                  Stream.of(generator, critic)
                      .flatMap(Optional::stream)
                      .map(Split.TrainingSet::note)
                      .filter(note -> !note.isEmpty())
                      .distinct()
                      .toList())));
    }
    return flows;
  }

  private static boolean unlabelled(Map<String, Label> labels, Debated debated) {
    Label label = labels.get(debated.question());
    return label == null || label.label() == null;
  }

  private static Optional<Split.TrainingSet> set(Split.Result split, Role role, int agent) {
    return split.sets().stream()
        .filter(each -> each.role() == role && each.agent() == agent)
        .findFirst();
  }

  private ExperimentReport.Training training(
      Recording.Training training, int iteration, Notes notes) {
    List<ExperimentReport.Loss> losses =
        notes
            .reading(
                "the loss curve of "
                    + (training.role() == Role.GENERATOR ? "generator " : "critic ")
                    + (training.agent() + 1)
                    + " of iteration "
                    + iteration,
                () ->
                    losses(
                        JsonLines.read(
                            artifacts.bytes(training.result().curve()), Trainer.StepReport.class)))
            .orElse(List.of());
    return new ExperimentReport.Training(
        training.role(),
        training.agent() + 1,
        training.result().step() == null ? null : training.result().step().key(),
        training.result().checkpoint(),
        training.result().weights(),
        training.result().curve(),
        training.result().steps(),
        training.result().tokens(),
        training.result().firstLoss(),
        training.result().lastLoss(),
        losses);
  }

  /** Means of neighbouring steps where there are more than can be seen. */
  static List<ExperimentReport.Loss> losses(List<Trainer.StepReport> curve) {
    int width = Math.max(1, (curve.size() + LOSSES - 1) / LOSSES);
    List<ExperimentReport.Loss> losses = new ArrayList<>();
    for (int from = 0; from < curve.size(); from += width) {
      List<Trainer.StepReport> some = curve.subList(from, Math.min(curve.size(), from + width));
      losses.add(
          new ExperimentReport.Loss(
              1 + some.stream().mapToInt(Trainer.StepReport::step).average().orElseThrow(),
              some.stream().mapToDouble(Trainer.StepReport::loss).average().orElseThrow()));
    }
    return losses;
  }
}
