package polyphony.workflows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What a person writes to compare methods: every one of them on every task, with every base model
 * and every seed is an experiment. Every field is optional.
 *
 * @param comparison its name, which is also the workflow's id
 * @param methods specs of what is compared, each often just a method's name; absent: those of the
 *     paper's Table 1
 * @param tasks absent: the common one
 * @param baseModels absent: the common one
 * @param seeds absent: {@link #SEEDS}
 * @param common what all experiments have in common, where a method does not decide otherwise
 */
public record ComparisonSpec(
    String comparison,
    List<ExperimentSpec> methods,
    List<TaskSpec> tasks,
    List<String> baseModels,
    List<Long> seeds,
    ExperimentSpec common)
    implements WorkflowInput {
  /** Each of them costs a few dozen events of the workflow's history. */
  public static final int MAX_EXPERIMENTS = 500;

  static final List<String> METHODS =
      List.of("base", "majority", "debate", "star", "majority-ft", "multiagent-ft");

  static final List<Long> SEEDS = List.of(0L, 1L, 2L);

  private static final String FORKS =
      "all experiments of a comparison begin anew; polyphony fork makes one, and polyphony compare"
          + " takes it by its name";

  public ComparisonSpec {
    methods = methods == null ? null : List.copyOf(methods);
    tasks = tasks == null ? null : List.copyOf(tasks);
    baseModels = baseModels == null ? null : List.copyOf(baseModels);
    seeds = seeds == null ? null : List.copyOf(seeds);
  }

  /** A spec in which nothing is set. */
  public static ComparisonSpec empty() {
    return new ComparisonSpec(null, null, null, null, null, null);
  }

  /** The same with other seeds. */
  public ComparisonSpec withSeeds(List<Long> others) {
    return new ComparisonSpec(comparison, methods, tasks, baseModels, others, common);
  }

  /** The same with so many questions to finetune on, and so many others to evaluate on. */
  public ComparisonSpec withQuestions(int count) {
    ExperimentSpec sized = ExperimentSpec.of(new TaskSpec(null, count, count, null), null, null);
    return new ComparisonSpec(
        comparison, methods, tasks, baseModels, seeds, common == null ? sized : sized.or(common));
  }

  /**
   * Every experiment of the comparison, in the order of tasks, base models, seeds and methods.
   * Those that follow one another and differ in their method alone have most steps in common.
   *
   * @throws InvalidSpecException naming every violation
   */
  public List<ExperimentSpec> experiments() {
    List<String> violations = new ArrayList<>();
    List<ExperimentSpec> asked =
        methods == null ? METHODS.stream().map(ExperimentSpec::ofMethod).toList() : methods;
    List<Long> drawn = seeds == null ? SEEDS : seeds;
    ExperimentSpec shared = common == null ? ExperimentSpec.empty() : common;
    if (comparison != null && !ExperimentNames.isValid(comparison)) {
      violations.add("comparison is \"" + comparison + "\", allowed: " + ExperimentNames.ALLOWED);
    }
    checkList(violations, "methods", asked);
    checkList(violations, "tasks", tasks);
    checkList(violations, "baseModels", baseModels);
    checkList(violations, "seeds", drawn);
    refuse(violations, "common.experiment", shared.experiment(), "names are derived");
    refuse(violations, "common.method", shared.method(), "methods lists them");
    refuse(violations, "common.seed", shared.seed(), "seeds lists them");
    refuse(violations, "common.fork", shared.fork(), FORKS);
    if (tasks != null) {
      refuse(violations, "common.task.name", name(shared.task()), "tasks lists them");
    }
    if (baseModels != null) {
      refuse(violations, "common.baseModel", shared.baseModel(), "baseModels lists them");
    }
    for (int i = 0; i < asked.size(); i++) {
      String path = "methods[" + i + "].";
      ExperimentSpec each = asked.get(i);
      refuse(violations, path + "experiment", each.experiment(), "names are derived");
      refuse(violations, path + "seed", each.seed(), "seeds lists them");
      refuse(violations, path + "fork", each.fork(), FORKS);
      if (tasks != null) {
        refuse(violations, path + "task.name", name(each.task()), "tasks lists them");
      }
      if (baseModels != null) {
        refuse(violations, path + "baseModel", each.baseModel(), "baseModels lists them");
      }
    }
    long count =
        (long) asked.size() * orOpen(tasks).size() * orOpen(baseModels).size() * drawn.size();
    if (count > MAX_EXPERIMENTS) {
      violations.add("there are " + count + " experiments, allowed: up to " + MAX_EXPERIMENTS);
    }
    if (!violations.isEmpty()) {
      throw new InvalidSpecException(violations);
    }
    return combined(asked, drawn, shared);
  }

  private List<ExperimentSpec> combined(
      List<ExperimentSpec> asked, List<Long> drawn, ExperimentSpec shared) {
    List<ExperimentSpec> experiments = new ArrayList<>();
    List<String> violations = new ArrayList<>();
    for (TaskSpec task : orOpen(tasks)) {
      for (String baseModel : orOpen(baseModels)) {
        for (Long seed : drawn) {
          for (int i = 0; i < asked.size(); i++) {
            ExperimentSpec experiment =
                asked.get(i).or(ExperimentSpec.of(task, baseModel, seed)).or(shared);
            for (String violation : SpecDefaults.violations(experiment)) {
              String line = "methods[" + i + "]: " + violation;
              if (!violations.contains(line)) {
                violations.add(line);
              }
            }
            experiments.add(experiment);
          }
        }
      }
    }
    if (!violations.isEmpty()) {
      throw new InvalidSpecException(violations);
    }
    return List.copyOf(experiments);
  }

  /** These, or one that leaves open which. */
  private static <T> List<T> orOpen(List<T> values) {
    return values == null ? Collections.singletonList(null) : values;
  }

  private static String name(TaskSpec task) {
    return task == null ? null : task.name();
  }

  private static void checkList(List<String> violations, String field, List<?> values) {
    if (values == null) {
      return;
    }
    if (values.isEmpty()) {
      violations.add(field + " is empty, allowed: at least one, or leaving it out");
    }
    for (int i = 0; i < values.size(); i++) {
      if (values.subList(0, i).contains(values.get(i))) {
        violations.add(
            field + "[" + i + "] repeats " + field + "[" + values.indexOf(values.get(i)) + "]");
      }
    }
  }

  private static void refuse(List<String> violations, String field, Object value, String because) {
    if (value != null) {
      violations.add(field + " is set, allowed: leaving it out, since " + because);
    }
  }
}
