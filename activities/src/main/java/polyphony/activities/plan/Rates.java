package polyphony.activities.plan;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import polyphony.activities.ModelStep;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Method;
import polyphony.workflows.Role;
import polyphony.workflows.Train;

/**
 * What work took before, from the manifests of the steps of experiments with the same base model.
 * Of several, those count that are most like the one that is planned.
 *
 * <p>May be used by several threads.
 */
public final class Rates {
  /** Enough for a median, and little to be read. */
  private static final int ENOUGH = 60;

  private static final int MOST_EXPERIMENTS = 12;
  private static final int MOST_STEPS = 400;
  private static final int LARGEST_MANIFEST = 1 << 24;
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private final ObjectStore store;
  private final List<Alike> alike;
  private final String device;

  /** Steps that were not read yet. */
  private final Iterator<Candidate> unread;

  /** By kind, in the order in which they were read. */
  private final Map<String, List<Measured>> measured = new HashMap<>();

  /** By experiment. */
  private final Map<String, Shares> shares = new HashMap<>();

  private Candidate next;

  /**
   * What a step takes.
   *
   * @param seconds on its device
   * @param bytes that it stores
   */
  record Cost(double seconds, double bytes) {}

  /**
   * One step that was computed.
   *
   * @param likeness of its experiment to the planned one; more is more alike
   * @param modelSeconds in which a model was at work
   * @param otherSeconds of loading and storing
   */
  private record Measured(
      int likeness, Work work, double modelSeconds, double otherSeconds, double bytes) {}

  /** How many examples an experiment's agents got of a question, by iteration from 0. */
  private record Shares(List<IterationReport> reports, int questions) {
    OptionalDouble of(Role role, int iteration) {
      OptionalDouble last = OptionalDouble.empty();
      for (IterationReport report : reports) {
        List<Integer> examples =
            switch (role) {
              case GENERATOR -> report.generatorExamples();
              case CRITIC -> report.criticExamples();
            };
        if (report.iteration() <= Math.max(1, iteration) && !examples.isEmpty()) {
          last =
              OptionalDouble.of(
                  examples.stream().mapToInt(Integer::intValue).average().orElseThrow()
                      / questions);
        }
      }
      return last;
    }
  }

  private record Alike(int likeness, Experiment experiment) {}

  /** The key of a step that may measure something. */
  private record Candidate(int likeness, String key) {}

  private Rates(ObjectStore store, List<Alike> alike, String device) {
    this.store = store;
    this.alike = alike;
    this.device = device;
    Set<String> seen = new HashSet<>();
    this.unread =
        alike.stream()
            .flatMap(
                each ->
                    store.list(StepUse.prefix(each.experiment().name())).stream()
                        .map(use -> new Candidate(each.likeness(), StepUse.key(use))))
            .filter(each -> seen.add(each.key()))
            .limit(MOST_STEPS)
            .iterator();
    advance();
  }

  private void advance() {
    next = unread.hasNext() ? unread.next() : null;
  }

  /**
   * @param store must stay open for as long as the rates are used
   * @param planned whose base model it is about
   * @param device on which it will be computed, as in {@link polyphony.storage.Worker#device}
   */
  public static Rates read(ObjectStore store, Experiment planned, String device) {
    return new Rates(store, alike(new ExperimentRecords(store), planned), device);
  }

  /** Those of the same base model, the most alike first. */
  private static List<Alike> alike(ExperimentRecords records, Experiment planned) {
    List<Alike> alike = new ArrayList<>();
    for (String name : records.names()) {
      undamaged(() -> records.experiment(name))
          .filter(each -> each.base().equals(planned.base()))
          .ifPresent(each -> alike.add(new Alike(likeness(each, planned), each)));
    }
    return alike.stream()
        .sorted(Comparator.comparingInt(Alike::likeness).reversed())
        .limit(MOST_EXPERIMENTS)
        .toList();
  }

  /** Nothing where it is damaged: the audit says what is wrong, and there are others. */
  private static <T> Optional<T> undamaged(Supplier<Optional<T>> read) {
    try {
      return read.get();
    } catch (PolyphonyException e) {
      if (e.errorClass() != ErrorClass.DATA) {
        throw e;
      }
      return Optional.empty();
    }
  }

  private static int likeness(Experiment one, Experiment other) {
    List<Function<ExperimentSpec, Object>> fields =
        List.of(
            ExperimentSpec::agents,
            ExperimentSpec::rounds,
            ExperimentSpec::summaries,
            ExperimentSpec::method,
            ExperimentSpec::criticMix,
            ExperimentSpec::training);
    boolean sameTexts =
        one.prompts().equals(other.prompts())
            && Objects.equals(one.evaluatePrompts(), other.evaluatePrompts())
            && one.spec().task().grading().equals(other.spec().task().grading())
            && one.spec().evaluated().grading().equals(other.spec().evaluated().grading())
            && one.spec().sampling().equals(other.spec().sampling());
    // What the texts are like matters more than all the rest.
    return (sameTexts ? fields.size() + 1 : 0)
        + (int)
            fields.stream()
                .filter(field -> Objects.equals(field.apply(one.spec()), field.apply(other.spec())))
                .count();
  }

  /**
   * Those of a kind that are most alike. Steps are read in a fixed order, and no further than it
   * takes, so that who asks for what, and when, makes no difference.
   */
  private synchronized List<Measured> measured(String kind) {
    List<Measured> found = measured.computeIfAbsent(kind, each -> new ArrayList<>());
    while (next != null
        && found.size() < ENOUGH
        && (found.isEmpty() || found.get(0).likeness() == next.likeness())) {
      measured(next)
          .ifPresent(
              each ->
                  measured
                      .computeIfAbsent(each.work().kind(), other -> new ArrayList<>())
                      .add(each));
      advance();
    }
    return found.stream()
        .filter(each -> each.likeness() == found.get(0).likeness())
        .limit(ENOUGH)
        .toList();
  }

  private Optional<Measured> measured(Candidate step) {
    try {
      StepManifest manifest =
          StepManifest.parse(store.bytes(Steps.object(step.key()), LARGEST_MANIFEST));
      if (!manifest.worker().device().equals(device)) {
        return Optional.empty();
      }
      return work(manifest)
          .filter(work -> work.units() > 0)
          .map(work -> measured(step.likeness(), work, manifest));
    } catch (MissingObjectException | IOException e) {
      // Set aside, or damaged, which the audit tells: it measures nothing.
      return Optional.empty();
    }
  }

  private static Measured measured(int likeness, Work work, StepManifest manifest) {
    double wall = manifest.wallSeconds();
    // Steps of earlier versions do not tell the two apart.
    double model = Math.min(wall, manifest.usage().getOrDefault(StepManifest.MODEL_SECONDS, wall));
    return new Measured(
        likeness,
        work,
        model,
        wall - model,
        manifest.outputs().stream().mapToDouble(ArtifactRef::bytes).sum());
  }

  private static Optional<Work> work(StepManifest manifest) throws JsonProcessingException {
    if (manifest.name().equals(ModelStep.DEBATE.name())) {
      return Optional.of(Work.of(JSON.treeToValue(manifest.inputs(), Debate.Request.class)));
    }
    if (manifest.name().equals(ModelStep.DEBATE_ROUND.name())) {
      return Optional.of(Work.of(JSON.treeToValue(manifest.inputs(), DebateRound.Request.class)));
    }
    if (manifest.name().equals(ModelStep.EVALUATE.name())) {
      return Optional.of(Work.of(JSON.treeToValue(manifest.inputs(), Evaluate.Request.class)));
    }
    if (manifest.name().equals(ModelStep.TRAIN_GENERATOR.name())
        || manifest.name().equals(ModelStep.TRAIN_CRITIC.name())) {
      return Optional.of(
          Work.of(
              JSON.treeToValue(manifest.inputs(), Train.Request.class),
              JSON.treeToValue(manifest.result(), Train.Result.class).steps()));
    }
    return Optional.empty();
  }

  /**
   * Whether an experiment might be forecast by them. Where not, planning it is of no use.
   *
   * @param spec complete
   */
  public boolean mayForecast(ExperimentSpec spec) {
    boolean adapter = spec.training().forRole(Role.GENERATOR).tunesAdapter();
    String firstAnswers = Work.FIRST_ANSWERS + (adapter && spec.agents() > 1 ? Work.TOGETHER : "");
    return !measured(firstAnswers).isEmpty()
        && (Method.named(spec.method()).trains() == Method.Trains.NOTHING
            || !measured(Work.training(Role.GENERATOR, adapter)).isEmpty());
  }

  /** What a step takes; empty where nothing of its kind was measured. */
  Optional<Cost> cost(Work work) {
    List<Measured> alike = measured(work.kind());
    if (alike.isEmpty()) {
      return Optional.empty();
    }
    double units = work.units();
    return Optional.of(
        new Cost(
            median(alike, Measured::otherSeconds)
                + units * median(alike, each -> each.modelSeconds() / each.work().units()),
            work.kind().startsWith(Work.TRAINING)
                // A checkpoint is as large whatever it was trained on.
                ? median(alike, Measured::bytes)
                : units * median(alike, each -> each.bytes() / each.work().units())));
  }

  /** The middle one: the first step of a process also loads its native libraries. */
  private static double median(List<Measured> steps, ToDoubleFunction<Measured> value) {
    double[] sorted = steps.stream().mapToDouble(value).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /**
   * Examples that an agent will get of a question; empty where that was never seen.
   *
   * @param iteration at least 1
   */
  synchronized OptionalDouble share(Role role, int iteration) {
    for (Alike each : alike) {
      OptionalDouble share =
          shares
              .computeIfAbsent(each.experiment().name(), name -> shares(each.experiment()))
              .of(role, iteration);
      if (share.isPresent()) {
        return share;
      }
    }
    return OptionalDouble.empty();
  }

  private Shares shares(Experiment experiment) {
    ExperimentRecords records = new ExperimentRecords(store);
    return new Shares(
        undamaged(() -> Optional.of(records.reports(experiment.name()))).orElse(List.of()),
        experiment.spec().task().train());
  }
}
