package polyphony.activities.resolve;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.data.NearDuplicates;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Task;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.TaskSpec;

/**
 * Draws the questions of complete specs. Those of an iteration with questions of its own begin
 * where those of the iteration before end, in one order that task and seed decide: so however many
 * iterations there come to be, no two share a question.
 */
final class QuestionSets {
  private final DataRegistry data;

  QuestionSets(DataRegistry data) {
    this.data = data;
  }

  /**
   * @throws PolyphonyException CONFIG where the task has fewer
   */
  List<Question> evaluate(ExperimentSpec spec) {
    TaskSpec task = spec.evaluated();
    return data.task(task)
        .questions(
            task.evaluateSplit().equals(SpecDefaults.VALIDATE_SPLIT)
                ? Task.Split.VALIDATE
                : Task.Split.EVALUATE,
            task.evaluate(),
            spec.seed());
  }

  /**
   * Those of the first iterations one after the other.
   *
   * @throws PolyphonyException CONFIG where the task has fewer
   */
  List<Question> train(TaskSpec task, int iterations, long seed) {
    return data.task(task)
        .questions(Task.Split.FINETUNE, Math.multiplyExact(task.train(), iterations), seed);
  }

  /**
   * Checks that the questions suffice for all iterations, and that none of them is evaluated on.
   * Splits see to the latter where one task is used for both.
   *
   * @param seed that those to finetune on are drawn with
   * @param evaluate those to evaluate on
   * @throws PolyphonyException CONFIG where it is not so
   */
  void check(ExperimentSpec spec, long seed, List<Question> evaluate) {
    boolean fresh = spec.questions().equals(SpecDefaults.FRESH);
    int sets = fresh ? Math.max(1, spec.iterations()) : 1;
    TaskSpec task = spec.task();
    if (fresh) {
      int there = data.task(task).largestSet(Task.Split.FINETUNE);
      if ((long) sets * task.train() > there) {
        throw PolyphonyException.config(
            "task "
                + ExperimentDescription.task(task)
                + " has "
                + there
                + " questions to finetune on, not "
                + task.train()
                + " for each of "
                + sets
                + " iterations; ask for fewer, or for \"questions\": \"fixed\"");
      }
    }
    if (spec.evaluateOn() == null) {
      return;
    }
    Set<String> evaluated = new HashSet<>();
    evaluate.forEach(each -> evaluated.add(NearDuplicates.normal(each.text())));
    List<Question> common =
        train(task, sets, seed).stream()
            .filter(each -> evaluated.contains(NearDuplicates.normal(each.text())))
            .toList();
    if (!common.isEmpty()) {
      throw PolyphonyException.config(
          "questions of task "
              + ExperimentDescription.task(task)
              + " to finetune on ("
              + common.size()
              + ", such as "
              + common.get(0).id()
              + ") are also those of "
              + ExperimentDescription.task(spec.evaluateOn())
              + " to evaluate on; evaluateOn must name other questions");
    }
  }
}
