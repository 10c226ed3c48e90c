package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * Which questions. In JSON either the name alone or an object.
 *
 * @param name such as {@code arithmetic}, {@code gsm8k}, or what questions were imported as
 * @param train how many questions to finetune on
 * @param evaluate how many other questions to evaluate on
 * @param evaluateSplit the split that those are drawn from: {@code evaluate}, or {@code validate}
 *     while settings are being chosen
 * @param levels of {@code math}: only questions of these levels, from 1 to 5; absent: all
 * @param data what the questions were imported as, where that is not the task's name
 * @param answers their kind, with the version of what reads and compares them, such as {@code
 *     number-1}; filled in when the spec is completed, null for tasks that bring their own
 * @param extractor {@code default} or {@code released-code}: how answers are read from texts
 * @param checker {@code default} or {@code released-code}: how answers are compared
 * @param operands of {@code arithmetic}: the largest operand, from 1 to {@value
 *     SpecDefaults#MAX_OPERAND}; absent: {@value SpecDefaults#OPERANDS}
 */
public record TaskSpec(
    String name,
    Integer train,
    Integer evaluate,
    String evaluateSplit,
    List<Integer> levels,
    String data,
    String answers,
    String extractor,
    String checker,
    @JsonInclude(JsonInclude.Include.NON_NULL) Integer operands) {
  public TaskSpec {
    levels = levels == null ? null : List.copyOf(levels);
  }

  public TaskSpec(String name, Integer train, Integer evaluate, String evaluateSplit) {
    this(name, train, evaluate, evaluateSplit, null, null, null, null, null, null);
  }

  @JsonCreator
  static TaskSpec named(String name) {
    return new TaskSpec(name, null, null, null);
  }

  /**
   * This, with its open fields taken from what it has in common with others; of another task,
   * sizes, split and modes alone.
   */
  TaskSpec or(TaskSpec common) {
    boolean same = name == null || name.equals(common.name);
    return new TaskSpec(
        SpecDefaults.first(name, common.name),
        SpecDefaults.first(train, common.train),
        SpecDefaults.first(evaluate, common.evaluate),
        SpecDefaults.first(evaluateSplit, common.evaluateSplit),
        SpecDefaults.first(levels, same ? common.levels : null),
        SpecDefaults.first(data, same ? common.data : null),
        SpecDefaults.first(answers, same ? common.answers : null),
        SpecDefaults.first(extractor, common.extractor),
        SpecDefaults.first(checker, common.checker),
        SpecDefaults.first(operands, same ? common.operands : null));
  }

  /** This, without what only matters where it is evaluated on. */
  TaskSpec finetunedOn() {
    return new TaskSpec(
        name, train, null, null, levels, data, answers, extractor, checker, operands);
  }

  /** This, with another's number of evaluation questions and their split, where these are open. */
  TaskSpec evaluatedAs(TaskSpec other) {
    return new TaskSpec(
        name,
        train,
        SpecDefaults.first(evaluate, other.evaluate),
        SpecDefaults.first(evaluateSplit, other.evaluateSplit),
        levels,
        data,
        answers,
        extractor,
        checker,
        operands);
  }

  /** The same with so many questions at most, where it has questions of that kind. */
  TaskSpec atMost(int mostTrain, int mostEvaluate) {
    return new TaskSpec(
        name,
        train == null ? null : Math.min(train, mostTrain),
        evaluate == null ? null : Math.min(evaluate, mostEvaluate),
        evaluateSplit,
        levels,
        data,
        answers,
        extractor,
        checker,
        operands);
  }

  /** The same with this kind of answers. */
  public TaskSpec withAnswers(String kind) {
    return new TaskSpec(
        name, train, evaluate, evaluateSplit, levels, data, kind, extractor, checker, operands);
  }

  /** What steps need to know to read and compare answers; part of their keys. */
  @JsonIgnore
  public String grading() {
    String kind = answers == null ? name : answers;
    boolean modes = released(extractor) || released(checker);
    return modes ? kind + "/" + mode(extractor) + "/" + mode(checker) : kind;
  }

  private static boolean released(String mode) {
    return mode != null && !mode.equals(SpecDefaults.DEFAULT_MODE);
  }

  private static String mode(String mode) {
    return mode == null ? SpecDefaults.DEFAULT_MODE : mode;
  }
}
