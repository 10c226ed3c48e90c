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
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Role;
import polyphony.workflows.Split;

/**
 * Experiments side by side. Those that differ in nothing but their seed are one row. Rows are
 * compared question by question: both answered the same ones.
 *
 * @param rows in the order in which the experiments were named
 * @param differences every row's last iteration with its own untuned society, then every later row
 *     with the first
 */
public record Comparison(List<Row> rows, List<Difference> differences) {
  private static final JsonMapper JSON = new JsonMapper();

  /** Fields that do not make another row. */
  private static final List<String> NOT_SETTINGS = List.of("experiment", "seed", "iterations");

  /**
   * One method with its settings.
   *
   * @param label the method, with the fields in which rows of one method differ
   * @param seeds ascending
   * @param questions evaluation questions of all seeds together
   * @param iterations as far as every seed has come
   */
  public record Row(String label, List<Long> seeds, int questions, List<Point> iterations) {}

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
      Double labelPrecision,
      Double correctedShare,
      Double generatorExamples,
      Double criticExamples,
      Double generatorTokens,
      Double criticTokens) {}

  /** How much more often one row's answers are right than another's, on the same questions. */
  public record Difference(
      String label, int iteration, String than, int thanIteration, PairedDifference paired) {}

  private record Group(String label, List<RecordedExperiment> bySeed) {
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
    List<Group> groups = groups(experiments);
    List<Difference> differences = new ArrayList<>();
    for (Group group : groups) {
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
    return new Comparison(groups.stream().map(Comparison::row).toList(), differences);
  }

  private static List<Group> groups(List<RecordedExperiment> experiments) {
    Map<SortedMap<String, String>, List<RecordedExperiment>> bySettings = new LinkedHashMap<>();
    for (RecordedExperiment each : experiments) {
      bySettings.computeIfAbsent(settings(each), settings -> new ArrayList<>()).add(each);
    }
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
          groups.add(new Group(label(settings, bySettings.keySet()), members));
        });
    return groups;
  }

  private static long seed(RecordedExperiment experiment) {
    return experiment.experiment().spec().seed();
  }

  /** Every field that makes a row, by its path. */
  private static SortedMap<String, String> settings(RecordedExperiment experiment) {
    ObjectNode spec = JSON.valueToTree(experiment.experiment().spec());
    spec.put("baseModel", experiment.experiment().base().sha256().substring(0, 8));
    spec.remove(NOT_SETTINGS);
    SortedMap<String, String> settings = new TreeMap<>();
    flatten("", spec, settings);
    return settings;
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
      settings.put(path, node.asText());
    }
  }

  /** The method, and where several rows have it, the fields in which they differ. */
  private static String label(
      SortedMap<String, String> settings, Set<SortedMap<String, String>> all) {
    String method = settings.get("method");
    Set<String> differing = new TreeSet<>();
    for (SortedMap<String, String> other : all) {
      if (other.get("method").equals(method)) {
        Set<String> fields = new TreeSet<>(settings.keySet());
        fields.addAll(other.keySet());
        for (String field : fields) {
          if (!Objects.equals(settings.get(field), other.get(field))) {
            differing.add(field + " " + settings.getOrDefault(field, "open"));
          }
        }
      }
    }
    return differing.isEmpty() ? method : method + " (" + String.join(", ", differing) + ")";
  }

  private static Row row(Group group) {
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < group.iterations(); i++) {
      points.add(point(i, group.at(i)));
    }
    return new Row(
        group.label(),
        group.bySeed().stream().map(Comparison::seed).toList(),
        group.at(0).stream().mapToInt(each -> each.correct().size()).sum(),
        points);
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
        mean(bySeed, each -> each.report().labelPrecision()),
        mean(bySeed, Comparison::correctedShare),
        mean(bySeed, each -> perModel(each, Role.GENERATOR, Split.TrainingSet::count)),
        mean(bySeed, each -> perModel(each, Role.CRITIC, Split.TrainingSet::count)),
        mean(bySeed, each -> tokensPerModel(each, Role.GENERATOR)),
        mean(bySeed, each -> tokensPerModel(each, Role.CRITIC)));
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
    for (RecordedExperiment experiment : one.bySeed()) {
      Optional<RecordedExperiment> match = other.seed(seed(experiment));
      if (match.isEmpty()) {
        continue;
      }
      if (!experiment
          .experiment()
          .evaluateQuestions()
          .sha256()
          .equals(match.get().experiment().evaluateQuestions().sha256())) {
        throw PolyphonyException.config(
            "experiments "
                + experiment.experiment().name()
                + " and "
                + match.get().experiment().name()
                + " were evaluated on different questions; compare such as share them");
      }
      ones.add(correct(experiment.iterations().get(iteration)));
      others.add(correct(match.get().iterations().get(otherIteration)));
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
