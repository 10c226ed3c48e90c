package polyphony.activities.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import polyphony.activities.compare.RecordedExperiment.Iteration;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Role;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Split;
import polyphony.workflows.TaskSpec;

/**
 * Experiments side by side. Those that differ in nothing but their seed are one row. Rows on one
 * task with one base model are compared question by question: they answered the same ones. So the
 * seed of a fork is here the one that its questions were drawn with; another one that it samples
 * with is a setting.
 *
 * @param rows in the order in which the experiments were named, those on one task with one base
 *     model together
 * @param differences of those together: every row's last iteration with its own untuned society,
 *     then every later row with the first
 */
public record Comparison(List<Row> rows, List<Difference> differences) {
  private static final JsonMapper JSON = new JsonMapper();

  /** Fields that do not make another row, or not as they are. */
  private static final List<String> NOT_SETTINGS =
      List.of("experiment", "seed", "iterations", "fork");

  private static final String OPEN = "open";

  private static final String TUNING = "training.tuning";

  /** Fields that only an adapter has. */
  private static final Set<String> ADAPTER =
      Set.of("training.rank", "training.alpha", "training.dropout", "training.targets");

  /**
   * One method with its settings.
   *
   * @param task that it was evaluated on
   * @param label the method, with the fields in which rows of one method differ
   * @param seeds ascending
   * @param questions evaluation questions of all seeds together
   * @param iterations as far as every seed has come
   * @param rank of the last iteration among the rows on the same task with the same base model
   */
  public record Row(
      String task,
      String baseModel,
      String label,
      List<Long> seeds,
      int questions,
      List<Point> iterations,
      ComparisonResult.Rank rank) {
    /** Its last iteration. */
    public Point last() {
      return iterations.get(iterations.size() - 1);
    }
  }

  /**
   * One iteration of a row; means over seeds, null where a measure does not apply.
   *
   * @param standardError of the accuracy: sqrt(sum over seeds of p (1 - p) / n) / seeds
   * @param bySeed accuracies in the seeds' order
   * @param firstRoundAccuracy share of single first answers that are correct
   * @param correctedShare share of the critics' examples that are from D^C-
   * @param generatorExamples mean per generator
   * @param criticExamples mean per critic
   * @param generatorTokens trained on, padding excluded, mean per generator
   * @param criticTokens likewise per critic
   * @param budget what it has cost so far, mean over seeds; null where the store does not tell
   */
  public record Point(
      int iteration,
      double accuracy,
      double standardError,
      List<Double> bySeed,
      double firstRoundAccuracy,
      double consensus,
      Double likelihood,
      Double embeddingDissimilarity,
      Double klBetweenAgents,
      Double klToBase,
      Double generatorKlBetweenAgents,
      Double generatorKlToBase,
      Double labelPrecision,
      Double correctedShare,
      Double generatorExamples,
      Double criticExamples,
      Double generatorTokens,
      Double criticTokens,
      ComparisonResult.Budget budget) {}

  /** How much more often one row's answers are right than another's, on the same questions. */
  public record Difference(
      String label, int iteration, String than, int thanIteration, PairedDifference paired) {}

  /**
   * What makes a row.
   *
   * @param fields of the spec, by their paths
   * @param before of a fork: fields of what was in force earlier, where an iteration has another
   *     value than the next one
   */
  private record Settings(SortedMap<String, String> fields, SortedMap<String, String> before) {
    String method() {
      return fields.get("method");
    }
  }

  /** What rows must have in common to be compared. */
  private record Section(String task, String baseModel) {}

  private record Group(Section section, String label, List<RecordedExperiment> bySeed) {
    int iterations() {
      return bySeed.stream().mapToInt(each -> each.iterations().size()).min().orElseThrow();
    }

    List<Iteration> at(int iteration) {
      return bySeed.stream().map(each -> each.iterations().get(iteration)).toList();
    }

    Optional<RecordedExperiment> seed(long seed) {
      return bySeed.stream().filter(each -> Comparison.seed(each) == seed).findFirst();
    }
  }

  /**
   * @throws PolyphonyException CONFIG where two experiments are the same row and seed, or two rows
   *     share no seed or were evaluated on different questions
   */
  public static Comparison of(List<RecordedExperiment> experiments) {
    List<Row> rows = new ArrayList<>();
    List<Difference> differences = new ArrayList<>();
    for (List<Group> groups : groups(experiments)) {
      for (Group group : groups) {
        rows.add(row(group, groups));
        if (group.iterations() > 1) {
          differences.add(difference(group, group.iterations() - 1, group, 0));
        }
      }
      for (Group group : groups.subList(1, groups.size())) {
        Group first = groups.get(0);
        int last = group.iterations() - 1;
        int lastOfFirst = first.iterations() - 1;
        // Two rows that learn are compared after equally many iterations.
        int common = Math.min(last, lastOfFirst);
        differences.add(
            difference(
                first, last == 0 ? lastOfFirst : common, group, lastOfFirst == 0 ? last : common));
      }
    }
    return new Comparison(rows, differences);
  }

  /**
   * Reads experiments and compares them.
   *
   * @throws PolyphonyException as {@link #of(List)} and {@link RecordedExperiment#read}
   */
  public static Comparison of(
      ObjectStore store, Artifacts artifacts, List<ComparisonResult.Compared> experiments) {
    return of(
        experiments.stream()
            .map(
                each ->
                    RecordedExperiment.read(store, artifacts, each.experiment())
                        .first(each.iterations()))
            .toList());
  }

  /** Each row's last iteration in short. */
  public List<ComparisonResult.Row> summary() {
    return rows.stream()
        .map(
            row ->
                new ComparisonResult.Row(
                    row.task(),
                    row.baseModel(),
                    row.label(),
                    row.seeds(),
                    row.last().iteration(),
                    row.questions(),
                    row.last().accuracy(),
                    row.last().standardError(),
                    row.rank(),
                    row.last().budget()))
        .toList();
  }

  /** By what they have in common. */
  private static List<List<Group>> groups(List<RecordedExperiment> experiments) {
    Map<Section, Map<Settings, List<RecordedExperiment>>> sections = new LinkedHashMap<>();
    for (RecordedExperiment each : experiments) {
      sections
          .computeIfAbsent(section(each), section -> new LinkedHashMap<>())
          .computeIfAbsent(settings(each.experiment()), settings -> new ArrayList<>())
          .add(each);
    }
    return sections.entrySet().stream()
        .map(each -> groups(each.getKey(), each.getValue()))
        .toList();
  }

  private static Section section(RecordedExperiment experiment) {
    ExperimentSpec spec = experiment.experiment().spec();
    TaskSpec task = spec.evaluated();
    boolean unseen = task.evaluateSplit().equals(SpecDefaults.EVALUATE_SPLIT);
    return new Section(
        ExperimentDescription.task(task)
            + (task.data() == null ? "" : " from " + task.data())
            + (unseen ? "" : ", split " + task.evaluateSplit()),
        spec.baseModel());
  }

  private static List<Group> groups(
      Section section, Map<Settings, List<RecordedExperiment>> bySettings) {
    List<Group> groups = new ArrayList<>();
    bySettings.forEach(
        (settings, members) -> {
          members.sort(Comparator.comparingLong(Comparison::seed));
          for (int i = 1; i < members.size(); i++) {
            if (seed(members.get(i - 1)) == seed(members.get(i))) {
              throw PolyphonyException.config(
                  "experiments "
                      + members.get(i - 1).experiment().name()
                      + " and "
                      + members.get(i).experiment().name()
                      + " have the same settings and the same seed; name one of them");
            }
          }
          groups.add(new Group(section, label(settings, bySettings.keySet()), members));
        });
    return groups;
  }

  private static long seed(RecordedExperiment experiment) {
    return experiment.experiment().questionSeed();
  }

  private static Settings settings(Experiment experiment) {
    SortedMap<String, String> own = fields(experiment, experiment.spec());
    SortedMap<String, String> before = new TreeMap<>();
    SortedMap<String, String> next = own;
    int first = experiment.origin() == null ? 0 : experiment.origin().iteration();
    for (int iteration = first; iteration > 0; iteration--) {
      SortedMap<String, String> inForce = fields(experiment, experiment.spec(iteration - 1));
      for (String field : differing(inForce, next)) {
        before.put(
            "before iteration " + iteration + " " + field, inForce.getOrDefault(field, OPEN));
      }
      next = inForce;
    }
    if (first > 0) {
      // Not what was forked, which is called otherwise for every seed.
      own.put("fork.iteration", Integer.toString(first));
    }
    return new Settings(own, before);
  }

  /** Every field of one of an experiment's specs that makes a row, by its path. */
  private static SortedMap<String, String> fields(Experiment experiment, ExperimentSpec inForce) {
    ObjectNode spec = JSON.valueToTree(inForce);
    spec.put("baseModel", experiment.base().sha256().substring(0, 8));
    spec.remove(NOT_SETTINGS);
    if (inForce.seed() != experiment.questionSeed()) {
      spec.put("seed", inForce.seed());
    }
    SortedMap<String, String> fields = new TreeMap<>();
    flatten("", spec, fields);
    return fields;
  }

  private static Set<String> differing(
      SortedMap<String, String> some, SortedMap<String, String> others) {
    Set<String> fields = new TreeSet<>(some.keySet());
    fields.addAll(others.keySet());
    fields.removeIf(field -> Objects.equals(some.get(field), others.get(field)));
    return fields;
  }

  private static void flatten(String path, JsonNode node, SortedMap<String, String> settings) {
    if (node.isObject()) {
      for (Map.Entry<String, JsonNode> field : node.properties()) {
        flatten(
            path.isEmpty() ? field.getKey() : path + "." + field.getKey(),
            field.getValue(),
            settings);
      }
    } else if (!node.isNull()) {
      settings.put(path, node.isValueNode() ? node.asText() : node.toString());
    }
  }

  /**
   * The method, and where several rows have it, the fields in which they differ; what was in force
   * before a fork only where nothing else tells two of them apart.
   */
  private static String label(Settings settings, Set<Settings> all) {
    Set<String> differing = new TreeSet<>();
    for (Settings other : all) {
      if (other.fields().equals(settings.fields())) {
        addDiffering(settings.before(), other.before(), differing);
      } else if (other.method().equals(settings.method())) {
        addDiffering(settings.fields(), other.fields(), differing);
      }
    }
    return differing.isEmpty()
        ? settings.method()
        : settings.method() + " (" + String.join(", ", differing) + ")";
  }

  private static void addDiffering(
      SortedMap<String, String> own, SortedMap<String, String> others, Set<String> label) {
    Set<String> fields = differing(own, others);
    if (fields.contains(TUNING)) {
      // That there is an adapter says that it has a shape.
      fields.removeIf(
          field -> ADAPTER.contains(field) && own.containsKey(field) != others.containsKey(field));
    }
    fields.forEach(field -> label.add(field + " " + own.getOrDefault(field, OPEN)));
  }

  private static Row row(Group group, List<Group> section) {
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < group.iterations(); i++) {
      points.add(point(i, group.at(i)));
    }
    return new Row(
        group.section().task(),
        group.section().baseModel(),
        group.label(),
        group.bySeed().stream().map(Comparison::seed).toList(),
        group.at(0).stream().mapToInt(each -> each.correct().size()).sum(),
        points,
        rank(group, section));
  }

  private static ComparisonResult.Rank rank(Group group, List<Group> section) {
    int above = 0;
    int below = 0;
    for (Group other : section) {
      if (!other.label().equals(group.label()) && !shared(group, other).isEmpty()) {
        PairedDifference paired =
            difference(group, group.iterations() - 1, other, other.iterations() - 1).paired();
        above += paired.high() < 0 ? 1 : 0;
        below += paired.low() > 0 ? 1 : 0;
      }
    }
    return new ComparisonResult.Rank(1 + above, section.size() - below);
  }

  /** Those of the one whose seed the other has as well. */
  private static List<RecordedExperiment> shared(Group one, Group other) {
    return one.bySeed().stream().filter(each -> other.seed(seed(each)).isPresent()).toList();
  }

  private static Point point(int iteration, List<Iteration> bySeed) {
    double variance =
        bySeed.stream()
            .mapToDouble(each -> each.report().standardError() * each.report().standardError())
            .sum();
    return new Point(
        iteration,
        mean(bySeed, each -> each.report().accuracy()),
        Math.sqrt(variance) / bySeed.size(),
        bySeed.stream().map(each -> each.report().accuracy()).toList(),
        mean(bySeed, each -> each.report().firstRoundAccuracy()),
        mean(bySeed, each -> each.report().consensus()),
        mean(bySeed, each -> each.report().likelihood()),
        mean(bySeed, each -> each.report().embeddingDissimilarity()),
        mean(bySeed, each -> each.report().klBetweenAgents()),
        mean(bySeed, each -> each.report().klToBase()),
        mean(bySeed, each -> each.report().generatorKlBetweenAgents()),
        mean(bySeed, each -> each.report().generatorKlToBase()),
        mean(bySeed, each -> each.report().labelPrecision()),
        mean(bySeed, Comparison::correctedShare),
        mean(bySeed, each -> perModel(each, Role.GENERATOR, Split.TrainingSet::count)),
        mean(bySeed, each -> perModel(each, Role.CRITIC, Split.TrainingSet::count)),
        mean(bySeed, each -> tokensPerModel(each, Role.GENERATOR)),
        mean(bySeed, each -> tokensPerModel(each, Role.CRITIC)),
        budget(bySeed));
  }

  private static ComparisonResult.Budget budget(List<Iteration> bySeed) {
    if (bySeed.stream().anyMatch(each -> each.budget() == null)) {
      return null;
    }
    return new ComparisonResult.Budget(
        mean(bySeed, each -> each.budget().sampledTokens()),
        mean(bySeed, each -> each.budget().trainedTokens()),
        mean(bySeed, each -> each.budget().answerTokens()),
        mean(bySeed, each -> each.budget().deviceSeconds()));
  }

  /** Null where it is null for any seed. */
  private static Double mean(List<Iteration> bySeed, Function<Iteration, Double> measure) {
    double sum = 0;
    for (Iteration each : bySeed) {
      Double value = measure.apply(each);
      if (value == null) {
        return null;
      }
      sum += value;
    }
    return sum / bySeed.size();
  }

  private static Double correctedShare(Iteration iteration) {
    Double corrected = perModel(iteration, Role.CRITIC, Split.TrainingSet::corrected);
    Double confirmed = perModel(iteration, Role.CRITIC, Split.TrainingSet::confirmed);
    return corrected == null || corrected + confirmed == 0
        ? null
        : corrected / (corrected + confirmed);
  }

  private static Double perModel(
      Iteration iteration, Role role, ToIntFunction<Split.TrainingSet> count) {
    Split.Result split = iteration.record().request().split();
    return split == null
        ? null
        : orNull(split.sets().stream().filter(set -> set.role() == role).mapToInt(count).average());
  }

  private static Double tokensPerModel(Iteration iteration, Role role) {
    return orNull(
        iteration.record().request().trainings().stream()
            .filter(training -> training.role() == role)
            .mapToLong(training -> training.result().tokens())
            .average());
  }

  private static Double orNull(OptionalDouble value) {
    return value.isPresent() ? value.getAsDouble() : null;
  }

  private static Difference difference(Group one, int iteration, Group other, int otherIteration) {
    List<boolean[]> ones = new ArrayList<>();
    List<boolean[]> others = new ArrayList<>();
    for (RecordedExperiment experiment : shared(one, other)) {
      RecordedExperiment match = other.seed(seed(experiment)).orElseThrow();
      if (!experiment
          .experiment()
          .evaluateQuestions()
          .sha256()
          .equals(match.experiment().evaluateQuestions().sha256())) {
        throw PolyphonyException.config(
            "experiments "
                + experiment.experiment().name()
                + " and "
                + match.experiment().name()
                + " were evaluated on different questions; compare such as share them");
      }
      ones.add(correct(experiment.iterations().get(iteration)));
      others.add(correct(match.iterations().get(otherIteration)));
    }
    if (ones.isEmpty()) {
      throw PolyphonyException.config(
          one.label() + " and " + other.label() + " share no seed; name experiments that do");
    }
    return new Difference(
        one.label(), iteration, other.label(), otherIteration, PairedDifference.of(ones, others));
  }

  private static boolean[] correct(Iteration iteration) {
    boolean[] correct = new boolean[iteration.correct().size()];
    for (int i = 0; i < correct.length; i++) {
      correct[i] = iteration.correct().get(i);
    }
    return correct;
  }
}
