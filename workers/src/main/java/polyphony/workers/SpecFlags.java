package polyphony.workers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import picocli.CommandLine.Option;

/** The flags that stand for fields of a spec. A flag wins over the file's field. */
final class SpecFlags {
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
      description = "What is trained and who answers, such as multiagent-ft, debate, base.")
  String method;

  @Option(names = "--task", paramLabel = "TASK", description = "Which questions: arithmetic.")
  String task;

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

  /** {@code spec} with these flags laid over it. */
  ObjectNode over(ObjectNode spec) {
    ObjectNode merged = spec.deepCopy();
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
    if (task != null || trainQuestions != null || evaluateQuestions != null) {
      ObjectNode tasks = taskObject(merged);
      if (task != null) {
        tasks.put("name", task);
      }
      if (trainQuestions != null) {
        tasks.put("train", trainQuestions);
      }
      if (evaluateQuestions != null) {
        tasks.put("evaluate", evaluateQuestions);
      }
    }
    return merged;
  }

  /** The task as an object, whichever way the file wrote it. */
  private static ObjectNode taskObject(ObjectNode spec) {
    JsonNode given = spec.path("task");
    if (given instanceof ObjectNode object) {
      return object;
    }
    ObjectNode object = spec.putObject("task");
    if (given.isTextual()) {
      object.put("name", given.asText());
    }
    return object;
  }
}
