package polyphony.activities.evaluate;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.storage.StepAttempt;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.Society;
import polyphony.workflows.Split;
import polyphony.workflows.StepReport;
import polyphony.workflows.Vote;

/** Sums an iteration up, with everything that led to its numbers, and publishes it by name. */
public final class RecordStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "record";

  /** Raised whenever equal requests would give another report. */
  public static final int VERSION = 1;

  private final Checkpoints checkpoints;
  private final ObjectStore store;

  public RecordStep(Checkpoints checkpoints, ObjectStore store) {
    this.checkpoints = checkpoints;
    this.store = store;
  }

  /**
   * The request without what differs from run to run (how long steps took, which were reused), so
   * that a repeated run finds the recorded report.
   */
  public static Recording.Request withoutTimings(Recording.Request request) {
    Vote.Result labels = request.labels();
    Split.Result split = request.split();
    return new Recording.Request(
        request.experiment(),
        request.iteration(),
        request.measurements(),
        request.evaluation().withStep(withoutTimings(request.evaluation().step())),
        labels == null ? null : labels.withStep(withoutTimings(labels.step())),
        split == null ? null : split.withStep(withoutTimings(split.step())),
        request.trainings().stream()
            .map(
                each ->
                    new Recording.Training(
                        each.role(),
                        each.agent(),
                        each.result().withStep(withoutTimings(each.result().step()))))
            .toList(),
        request.society(),
        request.skipped(),
        request.trainQuestions());
  }

  private static StepReport withoutTimings(StepReport step) {
    return step == null ? null : new StepReport(step.key(), false, 0);
  }

  /**
   * @param request {@link #withoutTimings}
   * @return always present
   * @throws PolyphonyException DATA where measurements are missing or twice there
   */
  public Optional<IterationReport> run(Recording.Request request, StepAttempt attempt) {
    List<Measurement> measurements = IterationRecord.measurements(request, attempt.artifacts());
    Accuracy accuracy = Accuracy.of(measurements.stream().map(Measurement::correct).toList());
    LabelPrecision precision = labelPrecision(request, attempt.artifacts());
    int agents = request.speakers();
    IterationReport report =
        new IterationReport(
            request.iteration(),
            accuracy.questions(),
            accuracy.share(),
            accuracy.standardError(),
            Diversity.consensus(measurements),
            Diversity.likelihood(measurements),
            Diversity.embeddingDissimilarity(measurements),
            Diversity.klBetweenAgents(measurements, Measurement::last),
            Diversity.klToBase(measurements, Measurement::last),
            Diversity.klBetweenAgents(measurements, Measurement::first),
            Diversity.klToBase(measurements, Measurement::first),
            IntStream.range(0, agents)
                .mapToDouble(
                    agent -> share(measurements, each -> each.firstRoundCorrect().get(agent)))
                .average()
                .orElseThrow(),
            precision.share(),
            request.labels() == null ? null : request.labels().labelled(),
            examples(request, Role.GENERATOR),
            examples(request, Role.CRITIC),
            undecided(request, measurements) + precision.undecided(),
            weights(request.society()),
            null);
    List<IterationRecord.Agent> byAgent =
        IntStream.range(0, agents).mapToObj(agent -> agent(agent, measurements)).toList();
    ArtifactRef record =
        attempt.put(
            CanonicalJson.bytes(new IterationRecord(report, byAgent, request)),
            "application/json",
            "record.json");
    return Optional.of(report.withRecord(record));
  }

  /** Makes the report findable by the experiment's name. Writing it again changes nothing. */
  public void publish(String experiment, IterationReport report) {
    store.write(
        "experiments/" + ExperimentNames.iteration(experiment, report.iteration()) + ".json",
        Sealed.seal(CanonicalJson.bytes(report)));
  }

  private static double share(
      List<Measurement> measurements, Function<Measurement, Boolean> holds) {
    return measurements.stream().filter(holds::apply).count() / (double) measurements.size();
  }

  private static IterationRecord.Agent agent(int agent, List<Measurement> measurements) {
    return new IterationRecord.Agent(
        agent,
        share(measurements, each -> each.firstRoundCorrect().get(agent)),
        share(measurements, each -> each.lastRoundCorrect().get(agent)),
        share(measurements, each -> each.parsed().get(agent)),
        measurements.stream().mapToLong(each -> each.last().tokens().get(agent)).sum());
  }

  private static LabelPrecision labelPrecision(Recording.Request request, Artifacts artifacts) {
    if (request.labels() == null || request.labels().labelled() == 0) {
      return LabelPrecision.NONE;
    }
    return LabelPrecision.of(
        JsonLines.read(artifacts.bytes(request.labels().votes()), Label.class),
        JsonLines.read(artifacts.bytes(request.finetunedOn()), Question.class),
        Tasks.grader(request.experiment().spec().task().grading()));
  }

  /** In votes, and with the true answers of evaluation questions. */
  private static int undecided(Recording.Request request, List<Measurement> measurements) {
    return request.evaluation().undecided()
        + (request.labels() == null ? 0 : request.labels().undecided())
        + measurements.stream().mapToInt(Measurement::undecided).sum();
  }

  private static List<Integer> examples(Recording.Request request, Role role) {
    return request.split() == null
        ? List.of()
        : request.split().sets().stream()
            .filter(set -> set.role() == role)
            .sorted(Comparator.comparingInt(Split.TrainingSet::agent))
            .map(Split.TrainingSet::count)
            .toList();
  }

  private Map<String, String> weights(Society society) {
    Map<String, String> weights = new TreeMap<>();
    for (int agent = 0; agent < society.agents(); agent++) {
      weights.put(
          Role.GENERATOR.model(agent + 1),
          checkpoints.weightsSha256(society.generators().get(agent)));
      weights.put(
          Role.CRITIC.model(agent + 1), checkpoints.weightsSha256(society.critics().get(agent)));
    }
    return weights;
  }
}
