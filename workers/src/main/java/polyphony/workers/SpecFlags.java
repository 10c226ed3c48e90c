package polyphony.workers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import picocli.CommandLine.Option;

/** The flags that stand for fields of a spec. A flag wins over the file's field. */
final class SpecFlags {
  private static final String TASK = "task";
  private static final String EVALUATE_ON = "evaluateOn";

  @Option(
      names = "--experiment",
      paramLabel = "NAME",
      description =
          "Name of the experiment. Without it, the name is derived from the spec, so that the same"
              + " command again goes on with the same experiment.")
  String experiment;

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      completionCandidates = Choices.Methods.class,
      description = "What is trained and who answers: ${COMPLETION-CANDIDATES}.")
  String method;

  @Option(
      names = "--task",
      paramLabel = "TASK",
      completionCandidates = Choices.TaskNames.class,
      description = "Which questions: arithmetic, or what was imported, such as gsm8k.")
  String task;

  @Option(
      names = "--operands",
      paramLabel = "LARGEST",
      description = "Largest operand of arithmetic's questions.")
  Integer operands;

  @Option(
      names = "--evaluate-on",
      paramLabel = "TASK",
      completionCandidates = Choices.TaskNames.class,
      description = "Another task to evaluate on, of which nothing is finetuned on.")
  String evaluateOn;

  @Option(
      names = "--evaluate-operands",
      paramLabel = "LARGEST",
      description = "Largest operand where that other task is arithmetic.")
  Integer evaluateOperands;

  @Option(names = "--agents", paramLabel = "N", description = "Agents of the society.")
  Integer agents;

  @Option(names = "--rounds", paramLabel = "M", description = "Rounds of a debate.")
  Integer rounds;

  @Option(
      names = "--iterations",
      paramLabel = "L",
      description = "Iterations of finetuning. More of them extend an experiment.")
  Integer iterations;

  @Option(names = "--seed", paramLabel = "S", description = "Seed of every random choice.")
  Long seed;

  @Option(
      names = "--train-questions",
      paramLabel = "COUNT",
      description = "Questions to finetune on, in every iteration.")
  Integer trainQuestions;

  @Option(
      names = "--evaluate-questions",
      paramLabel = "COUNT",
      description = "Other questions to evaluate on.")
  Integer evaluateQuestions;

  @Option(
      names = "--questions",
      paramLabel = "WHICH",
      completionCandidates = Choices.QuestionChoices.class,
      description =
          "fixed: the same ones in every iteration; fresh: each iteration has its own to finetune"
              + " on.")
  String questions;

  @Option(
      names = "--tuning",
      paramLabel = "HOW",
      completionCandidates = Choices.Tunings.class,
      description =
          "full: every weight is finetuned; lora: an adapter of its own for each agent, over one"
              + " base.")
  String tuning;

  @Option(
      names = "--set",
      paramLabel = "FIELD=VALUE",
      description =
          "Any field of the spec, such as criticMix=0.5 or training.critic.epochs=3; may be given"
              + " several times.")
  Map<String, String> fields = Map.of();

  /** {@code spec} with these flags laid over it. */
  ObjectNode over(ObjectNode spec) {
    ObjectNode merged = spec.deepCopy();
    fields.forEach((field, value) -> SpecReader.set(merged, field, value));
    if (experiment != null) {
      merged.put("experiment", experiment);
    }
    if (method != null) {
      merged.put("method", method);
    }
    if (agents != null) {
      merged.put("agents", agents);
    }
    if (rounds != null) {
      merged.put("rounds", rounds);
    }
    if (iterations != null) {
      merged.put("iterations", iterations);
    }
    if (seed != null) {
      merged.put("seed", seed);
    }
    if (questions != null) {
      merged.put("questions", questions);
    }
    if (tuning != null) {
      SpecReader.set(merged, "training.tuning", tuning);
    }
    if (task != null) {
      task(merged, TASK).put("name", task);
    }
    if (trainQuestions != null) {
      task(merged, TASK).put("train", trainQuestions);
    }
    if (operands != null) {
      task(merged, TASK).put("operands", operands);
    }
    if (evaluateOn != null) {
      task(merged, EVALUATE_ON).put("name", evaluateOn);
    }
    if (evaluateOperands != null) {
      task(merged, EVALUATE_ON).put("operands", evaluateOperands);
    }
    if (evaluateQuestions != null) {
      task(merged, merged.hasNonNull(EVALUATE_ON) ? EVALUATE_ON : TASK)
          .put("evaluate", evaluateQuestions);
    }
    return merged;
  }

  /** A task as an object, whichever way the file wrote it. */
  private static ObjectNode task(ObjectNode spec, String field) {
    JsonNode given = spec.path(field);
    if (given instanceof ObjectNode object) {
      return object;
    }
    ObjectNode object = spec.putObject(field);
    if (given.isTextual()) {
      object.put("name", given.asText());
    }
    return object;
  }
}
