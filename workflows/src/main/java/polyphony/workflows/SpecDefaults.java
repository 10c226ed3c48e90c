package polyphony.workflows;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The one place where a spec's open fields are filled in and its values are checked.
 *
 * <p>A method narrows the spec: one that does not vote has 1 agent, one that does not debate has 1
 * round, one that trains nothing has 0 iterations, and one that is defined by its use of summaries,
 * its temperature or where it starts from fixes that. Where such a field is left open it gets that
 * value; any other explicit value contradicts the method and is refused.
 */
public final class SpecDefaults {
  public static final int MAX_AGENTS = 16;
  public static final int MAX_ROUNDS = 8;
  public static final int MAX_ITERATIONS = 100;
  public static final int MAX_QUESTIONS = 1_000_000;
  public static final int MAX_NEW_TOKENS = 131_072;
  public static final double MAX_TEMPERATURE = 10.0;
  public static final int MAX_RANK = 256;
  public static final double MAX_ALPHA = 4096;

  /** The largest whole number that every reader of JSON keeps exactly: 2^53 - 1. */
  public static final long MAX_SEED = (1L << 53) - 1;

  public static final String METHOD = "multiagent-ft";
  public static final String TASK = "arithmetic";
  public static final int QUESTIONS = 500;
  public static final String EVALUATE_SPLIT = "evaluate";

  /** The largest operand of arithmetic's questions. */
  public static final int OPERANDS = 29;

  public static final int MAX_OPERAND = 99;

  /** Of {@code questions}: every iteration finetunes on questions of its own. */
  public static final String FRESH = "fresh";

  /** Settings are chosen on these questions, and never on those of {@link #EVALUATE_SPLIT}. */
  public static final String VALIDATE_SPLIT = "validate";

  /** Answers are read and compared as well as this project can. */
  public static final String DEFAULT_MODE = "default";

  public static final String BASE_MODEL = "built-in";

  /**
   * Of {@code startFrom}: every iteration finetunes the base model anew. Of {@code embeddingModel}:
   * the base model's hidden states.
   */
  public static final String BASE = "base";

  /** Of {@code likelihoodModel}: the agents' own models. */
  public static final String SELF = "self";

  /** What a fork may change; all the rest is what its experiment is about. */
  public static final List<String> CHANGED_BY_FORK =
      List.of(
          "rounds",
          "iterations",
          "seed",
          "summaries",
          "tieRule",
          "minimumVotes",
          "criticMix",
          "criticLoss",
          "startFrom",
          "sampling",
          "training");

  public static final int AGENTS = 3;
  public static final int ROUNDS = 2;
  public static final int ITERATIONS = 3;
  public static final String PROMPT_SET = "standard";

  /** What the released code samples with. */
  static final SamplingSpec SAMPLING = new SamplingSpec(1.0, 0.9, 2048);

  /**
   * What the released script for Mistral trains with; batch size and clipping, which it leaves
   * open, are the usual ones for finetuning.
   */
  static final TrainingSpec TRAINING =
      new TrainingSpec("full", 2, 8, 1e-5, "cosine", 0.03, 0.0, 1.0, null, null);

  static final TrainingSpec OPEN_TRAINING =
      new TrainingSpec(null, null, null, null, null, null, null, null, null, null);

  /**
   * Fills in every field that the spec leaves open: from the method where it decides, else from the
   * model's own defaults, else from the general ones. {@code experiment} and {@code evaluateOn}
   * stay open where they are, and so does a role's override that overrides nothing. Of a task,
   * counts stay open for what it is not used for. What a person writes for both roles goes before
   * what the model brings along for one.
   *
   * @throws InvalidSpecException if the spec, or what the model brings along, is not allowed
   */
  public static ExperimentSpec complete(ExperimentSpec spec, ModelDefaults defaults) {
    check(spec);
    Method method = Method.named(first(spec.method(), METHOD));
    TaskSpec task = first(spec.task(), new TaskSpec(null, null, null, null));
    boolean transfers = spec.evaluateOn() != null;
    ExperimentSpec complete =
        new ExperimentSpec(
            spec.experiment(),
            method.name(),
            task(task, true, !transfers),
            transfers ? task(spec.evaluateOn(), false, true) : null,
            first(spec.baseModel(), BASE_MODEL),
            first(spec.agents(), method.votes() ? AGENTS : 1),
            first(spec.rounds(), method.debates() ? ROUNDS : 1),
            first(spec.iterations(), method.trains() == Method.Trains.NOTHING ? 0 : ITERATIONS),
            first(spec.seed(), 0L),
            first(spec.summaries(), method.summaries(), defaults.summaries(), true),
            first(spec.questions(), "fixed"),
            first(spec.tieRule(), "random"),
            first(spec.minimumVotes(), 1),
            first(spec.criticMix(), defaults.criticMix(), 0.5),
            first(spec.criticLoss(), defaults.criticLoss(), "last-turn"),
            first(spec.startFrom(), method.restarts() ? BASE : "previous"),
            sampling(spec.sampling(), method, defaults.sampling()),
            training(spec.training(), defaults.training()),
            first(spec.likelihoodModel(), SELF),
            first(spec.embeddingModel(), BASE),
            first(spec.promptSet(), defaults.promptSet(), PROMPT_SET),
            null);
    check(complete);
    return complete;
  }

  /**
   * Fills in what the spec of a fork leaves open, from the experiment that is forked.
   *
   * @param origin complete
   * @throws InvalidSpecException if the spec is not allowed, or asks for anything else to be
   *     changed than {@link #CHANGED_BY_FORK}
   */
  public static ExperimentSpec complete(ExperimentSpec spec, ExperimentSpec origin) {
    check(spec);
    List<String> mayDiffer = new ArrayList<>(CHANGED_BY_FORK);
    mayDiffer.add("fork");
    List<String> conflicts = SpecConflicts.between(origin, spec, mayDiffer);
    if (!conflicts.isEmpty()) {
      throw new InvalidSpecException(
          conflicts.stream()
              .map(
                  each ->
                      each
                          + ", allowed: changing "
                          + String.join(", ", CHANGED_BY_FORK)
                          + "; a fork goes on with what its experiment began")
              .toList());
    }
    ExperimentSpec complete = spec.goingOnFrom(origin);
    check(complete);
    return complete;
  }

  private static TaskSpec task(TaskSpec task, boolean finetuned, boolean evaluated) {
    return new TaskSpec(
        first(task.name(), TASK),
        finetuned ? first(task.train(), QUESTIONS) : null,
        evaluated ? first(task.evaluate(), QUESTIONS) : null,
        evaluated ? first(task.evaluateSplit(), EVALUATE_SPLIT) : null,
        task.levels(),
        task.data(),
        task.answers(),
        task.extractor(),
        task.checker(),
        // Left out, as it was before there was a choice.
        Objects.equals(task.operands(), OPERANDS) ? null : task.operands());
  }

  /**
   * Checks the fields that are set, so that a partial spec can be refused before anything is read.
   *
   * @throws InvalidSpecException naming every violation
   */
  public static void check(ExperimentSpec spec) {
    List<String> violations = violations(spec);
    if (!violations.isEmpty()) {
      throw new InvalidSpecException(violations);
    }
  }

  /** What is wrong with the fields that are set, in the order of the fields; empty if nothing. */
  public static List<String> violations(ExperimentSpec spec) {
    Checks checks = new Checks();
    checks.name("experiment", spec.experiment());
    checks.oneOf("method", spec.method(), Method.names());
    if (spec.task() != null) {
      checkTask(checks, "task", spec.task());
    }
    if (spec.evaluateOn() != null) {
      checkTransfer(checks, spec);
    }
    checks.name("baseModel", spec.baseModel());
    checks.range("agents", spec.agents(), 1, MAX_AGENTS);
    checks.range("rounds", spec.rounds(), 1, MAX_ROUNDS);
    checks.range("iterations", spec.iterations(), 0, MAX_ITERATIONS);
    if (spec.seed() != null && (spec.seed() < 0 || spec.seed() > MAX_SEED)) {
      checks.refuse("seed is " + spec.seed() + ", allowed: 0 to " + MAX_SEED);
    }
    checks.oneOf("questions", spec.questions(), List.of("fixed", FRESH));
    checks.oneOf("tieRule", spec.tieRule(), List.of("random", "first", "skip", "released-code"));
    checks.range("minimumVotes", spec.minimumVotes(), 1, MAX_AGENTS);
    checks.range("criticMix", spec.criticMix(), 0.0, 1.0);
    checks.oneOf("criticLoss", spec.criticLoss(), List.of("last-turn", "all-turns"));
    checks.oneOf("startFrom", spec.startFrom(), List.of("previous", BASE));
    if (spec.sampling() != null) {
      checks.range("sampling.temperature", spec.sampling().temperature(), 0.0, MAX_TEMPERATURE);
      checks.above("sampling.topP", spec.sampling().topP(), 1.0);
      checks.range("sampling.maxNewTokens", spec.sampling().maxNewTokens(), 1, MAX_NEW_TOKENS);
    }
    if (spec.training() != null) {
      checkTraining(checks, "training", spec.training());
      checkOverride(checks, "training.generator", spec.training().generator());
      checkOverride(checks, "training.critic", spec.training().critic());
      checkAdapters(checks, spec.training());
    }
    checks.name("likelihoodModel", spec.likelihoodModel());
    checks.name("embeddingModel", spec.embeddingModel());
    checks.name("promptSet", spec.promptSet());
    checkMethod(checks, spec);
    if (spec.fork() != null) {
      checkFork(checks, spec);
    }
    return checks.violations;
  }

  private static void checkTask(Checks checks, String path, TaskSpec task) {
    checks.name(path + ".name", task.name());
    checks.range(path + ".train", task.train(), 1, MAX_QUESTIONS);
    checks.range(path + ".evaluate", task.evaluate(), 1, MAX_QUESTIONS);
    checks.oneOf(
        path + ".evaluateSplit", task.evaluateSplit(), List.of(EVALUATE_SPLIT, VALIDATE_SPLIT));
    checkLevels(checks, path + ".levels", task.levels());
    checks.name(path + ".data", task.data());
    checks.name(path + ".answers", task.answers());
    List<String> modes = List.of(DEFAULT_MODE, "released-code");
    checks.oneOf(path + ".extractor", task.extractor(), modes);
    checks.oneOf(path + ".checker", task.checker(), modes);
    checks.range(path + ".operands", task.operands(), 1, MAX_OPERAND);
    if (task.operands() != null && !first(task.name(), TASK).equals(TASK)) {
      checks.refuse(
          path
              + ".operands is set, allowed: leaving it out, since only task "
              + TASK
              + " makes its questions itself");
    }
  }

  private static void checkLevels(Checks checks, String field, List<Integer> levels) {
    if (levels == null) {
      return;
    }
    if (levels.isEmpty() || levels.stream().distinct().count() != levels.size()) {
      checks.refuse(field + " is " + levels + ", allowed: some of 1 to 5, each once");
    }
    levels.forEach(each -> checks.range(field, each, 1, 5));
  }

  /** Each of the two tasks is used for one thing. */
  private static void checkTransfer(Checks checks, ExperimentSpec spec) {
    checkTask(checks, "evaluateOn", spec.evaluateOn());
    if (spec.evaluateOn().name() == null) {
      checks.refuse("evaluateOn.name is not set, allowed: the name of a task");
    }
    if (spec.evaluateOn().train() != null) {
      checks.refuse(
          "evaluateOn.train is set, allowed: leaving it out, since nothing is finetuned on these"
              + " questions");
    }
    if (spec.task() != null
        && (spec.task().evaluate() != null || spec.task().evaluateSplit() != null)) {
      checks.refuse(
          "task."
              + (spec.task().evaluate() != null ? "evaluate" : "evaluateSplit")
              + " is set, allowed: setting it in evaluateOn, whose questions are evaluated on");
    }
  }

  private static void checkFork(Checks checks, ExperimentSpec spec) {
    ForkSpec fork = spec.fork();
    Method method = Method.named(first(spec.method(), METHOD));
    if (method != null && method.trains() == Method.Trains.NOTHING) {
      checks.refuse(
          "fork is set, allowed: leaving it out, since method "
              + method.name()
              + " trains nothing: there are no iterations to fork");
      return;
    }
    checks.name("fork.experiment", fork.experiment());
    if (fork.experiment() == null) {
      checks.refuse("fork.experiment is not set, allowed: the name of an experiment");
    } else if (fork.experiment().equals(spec.experiment())) {
      checks.refuse(
          "fork.experiment is \"" + fork.experiment() + "\", allowed: another one than itself");
    }
    checks.range("fork.iteration", fork.iteration(), 1, MAX_ITERATIONS);
    if (fork.iteration() == null) {
      checks.refuse("fork.iteration is not set, allowed: 1 to " + MAX_ITERATIONS);
    } else if (spec.iterations() != null && spec.iterations() < fork.iteration()) {
      checks.refuse(
          "iterations is "
              + spec.iterations()
              + ", allowed: at least fork.iteration, which is "
              + fork.iteration());
    }
  }

  /** What the method decides must not be contradicted. */
  private static void checkMethod(Checks checks, ExperimentSpec spec) {
    Method method = Method.named(first(spec.method(), METHOD));
    if (method == null) {
      return;
    }
    if (!method.votes()) {
      checks.fixed("agents", spec.agents(), 1, method, "has one agent");
    }
    if (!method.debates()) {
      checks.fixed("rounds", spec.rounds(), 1, method, "does not debate");
    }
    if (method.trains() == Method.Trains.NOTHING) {
      checks.fixed("iterations", spec.iterations(), 0, method, "trains nothing");
    }
    if (method.summaries() != null) {
      checks.fixed(
          "summaries",
          spec.summaries(),
          method.summaries(),
          method,
          method.summaries() ? "is defined by its summaries" : "is defined without summaries");
    }
    if (method.restarts()) {
      checks.fixed("startFrom", spec.startFrom(), BASE, method, "starts anew in every iteration");
    }
    if (method.temperature() != null && spec.sampling() != null) {
      checks.fixed(
          "sampling.temperature",
          spec.sampling().temperature(),
          method.temperature(),
          method,
          "is defined by its temperature");
    }
    int agents = first(spec.agents(), method.votes() ? AGENTS : 1);
    if (spec.minimumVotes() != null
        && spec.minimumVotes() > agents
        && spec.minimumVotes() <= MAX_AGENTS) {
      checks.refuse(
          "minimumVotes is "
              + spec.minimumVotes()
              + ", allowed: at most agents, which is "
              + agents);
    }
  }

  private static void checkTraining(Checks checks, String path, TrainingSpec training) {
    checks.oneOf(
        path + ".tuning", training.tuning(), List.of(TrainingSpec.FULL, TrainingSpec.LORA));
    checks.range(path + ".epochs", training.epochs(), 1, 1000);
    checks.range(path + ".batchSize", training.batchSize(), 1, 4096);
    checks.above(path + ".learningRate", training.learningRate(), 1.0);
    checks.oneOf(path + ".schedule", training.schedule(), List.of("constant", "linear", "cosine"));
    checks.range(path + ".warmupShare", training.warmupShare(), 0.0, 1.0);
    checks.range(path + ".weightDecay", training.weightDecay(), 0.0, 10.0);
    checks.range(path + ".clipNorm", training.clipNorm(), 0.0, 1e6);
    checks.range(path + ".rank", training.rank(), 1, MAX_RANK);
    checks.above(path + ".alpha", training.alpha(), MAX_ALPHA);
    checks.below(path + ".dropout", training.dropout(), 1.0);
    checkTargets(checks, path + ".targets", training.targets());
  }

  /** Which names there are, only the model knows. */
  private static void checkTargets(Checks checks, String field, List<String> targets) {
    if (targets == null) {
      return;
    }
    boolean names =
        !targets.isEmpty()
            && targets.stream().allMatch(each -> each != null && each.matches("\\w+"))
            && targets.stream().distinct().count() == targets.size();
    if (!names && !targets.equals(TuningDefaults.TARGETS)) {
      checks.refuse(
          field
              + " is "
              + targets
              + ", allowed: "
              + TuningDefaults.TARGETS
              + ", or names of linear layers, such as q_proj, each once");
    }
  }

  /** What is about adapters is of no use where there is none. */
  private static void checkAdapters(Checks checks, TrainingSpec training) {
    boolean anyRole = false;
    for (Role role : Role.values()) {
      anyRole |= training.merged(role).tunesAdapter();
    }
    if (!anyRole) {
      checkIdle(checks, "training", training.tuning(), training);
    }
    for (Role role : Role.values()) {
      TrainingSpec override = training.override(role);
      if (override != null) {
        checkIdle(
            checks,
            "training." + role.name().toLowerCase(Locale.ROOT),
            training.merged(role).tuning(),
            override);
      }
    }
  }

  private static void checkIdle(Checks checks, String path, String tuning, TrainingSpec training) {
    if (!TrainingSpec.FULL.equals(tuning)) {
      return;
    }
    Map<String, Object> adapter = new LinkedHashMap<>();
    adapter.put("rank", training.rank());
    adapter.put("alpha", training.alpha());
    adapter.put("dropout", training.dropout());
    adapter.put("targets", training.targets());
    adapter.forEach(
        (field, value) -> {
          if (value != null) {
            checks.refuse(
                path + "." + field + " is set, allowed: leaving it out, since tuning is full");
          }
        });
  }

  private static void checkOverride(Checks checks, String path, TrainingSpec override) {
    if (override == null) {
      return;
    }
    checkTraining(checks, path, override);
    if (override.generator() != null) {
      checks.refuse(path + ".generator is set, allowed: overrides in training itself only");
    }
    if (override.critic() != null) {
      checks.refuse(path + ".critic is set, allowed: overrides in training itself only");
    }
  }

  private static SamplingSpec sampling(SamplingSpec spec, Method method, SamplingSpec model) {
    SamplingSpec open = new SamplingSpec(null, null, null);
    SamplingSpec asked = first(spec, open);
    SamplingSpec own = first(model, open);
    return new SamplingSpec(
        first(asked.temperature(), method.temperature(), own.temperature(), SAMPLING.temperature()),
        first(asked.topP(), own.topP(), SAMPLING.topP()),
        first(asked.maxNewTokens(), own.maxNewTokens(), SAMPLING.maxNewTokens()));
  }

  /**
   * @param spec as asked for; may be null
   * @param defaults what holds where it is open; may be null
   */
  static TrainingSpec training(TrainingSpec spec, TrainingSpec defaults) {
    TrainingSpec asked = first(spec, OPEN_TRAINING);
    TrainingSpec own = first(defaults, OPEN_TRAINING);
    TrainingSpec plain =
        asked
            .or(own)
            .or(TRAINING)
            .withOverrides(
                override(asked, asked.generator(), own.generator()),
                override(asked, asked.critic(), own.critic()));
    return TuningDefaults.complete(asked, own, plain);
  }

  /** A role's override: a field asked for both roles silences the model's own for one. */
  private static TrainingSpec override(
      TrainingSpec asked, TrainingSpec askedForRole, TrainingSpec ownForRole) {
    TrainingSpec override =
        first(askedForRole, OPEN_TRAINING).or(first(ownForRole, OPEN_TRAINING).without(asked));
    return override.equals(OPEN_TRAINING) ? null : override;
  }

  /** The first that is set; null where none is. */
  @SafeVarargs
  static <T> T first(T... values) {
    for (T value : values) {
      if (value != null) {
        return value;
      }
    }
    return null;
  }

  /** Collects violations; a field that is not set violates nothing. */
  private static final class Checks {
    private final List<String> violations = new ArrayList<>();

    void refuse(String violation) {
      violations.add(violation);
    }

    void name(String field, String value) {
      if (value != null && !ExperimentNames.isValid(value)) {
        refuse(field + " is \"" + value + "\", allowed: " + ExperimentNames.ALLOWED);
      }
    }

    void oneOf(String field, String value, List<String> allowed) {
      if (value != null && !allowed.contains(value)) {
        refuse(field + " is \"" + value + "\", allowed: " + String.join(", ", allowed));
      }
    }

    void range(String field, Integer value, int from, int to) {
      if (value != null && (value < from || value > to)) {
        refuse(field + " is " + value + ", allowed: " + from + " to " + to);
      }
    }

    /** Written so that NaN is refused. */
    void range(String field, Double value, double from, double to) {
      if (value != null && !(value >= from && value <= to)) {
        refuse(field + " is " + value + ", allowed: " + from + " to " + to);
      }
    }

    void below(String field, Double value, double to) {
      if (value != null && !(value >= 0.0 && value < to)) {
        refuse(field + " is " + value + ", allowed: 0.0 to less than " + to);
      }
    }

    void above(String field, Double value, double to) {
      if (value != null && !(value > 0.0 && value <= to)) {
        refuse(field + " is " + value + ", allowed: more than 0, up to " + to);
      }
    }

    void fixed(String field, Object value, Object only, Method method, String because) {
      if (value != null && !Objects.equals(value, only)) {
        refuse(
            field
                + " is "
                + value
                + ", allowed: "
                + only
                + ", since method "
                + method.name()
                + " "
                + because);
      }
    }
  }

  private SpecDefaults() {}
}
