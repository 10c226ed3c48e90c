package polyphony.workers;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.InputStream;
import java.util.List;
import picocli.CommandLine.Option;
import polyphony.workflows.ComparisonSpec;

/** How a command is told which experiments to run and to compare: a file, and flags over it. */
final class ComparisonArguments {
  @Option(
      names = "--spec",
      paramLabel = "FILE",
      description =
          "A comparison as a JSON object with methods, tasks, baseModels, seeds, and what is common"
              + " to all experiments; or - for standard input. Flags win over it.")
  private String file;

  @Option(
      names = "--methods",
      paramLabel = "METHOD",
      split = ",",
      completionCandidates = Choices.Methods.class,
      description =
          "Methods to run: ${COMPLETION-CANDIDATES}; without it, those of the paper's Table 1.")
  private List<String> methods;

  @Option(
      names = "--tasks",
      paramLabel = "TASK",
      split = ",",
      completionCandidates = Choices.TaskNames.class,
      description = "Tasks to run.")
  private List<String> tasks;

  @Option(
      names = "--base-models",
      paramLabel = "MODEL",
      split = ",",
      description = "Base models to run.")
  private List<String> baseModels;

  @Option(
      names = "--seeds",
      paramLabel = "SEED",
      split = ",",
      description = "Seeds to run; without it, 0,1,2.")
  private List<Long> seeds;

  @Option(
      names = "--train-questions",
      paramLabel = "COUNT",
      description = "Questions to finetune on, where experiments are run.")
  private Integer trainQuestions;

  @Option(
      names = "--evaluate-questions",
      paramLabel = "COUNT",
      description = "Other questions to evaluate on, where experiments are run.")
  private Integer evaluateQuestions;

  /** Whether there is anything to run. */
  boolean given() {
    return file != null || methods != null || tasks != null || baseModels != null || seeds != null;
  }

  /**
   * The spec as written.
   *
   * @param iterations of every method that trains; null: the file's
   * @throws polyphony.storage.PolyphonyException CONFIG for what cannot be read
   * @throws polyphony.workflows.InvalidInputException naming the field and what is allowed
   */
  ComparisonSpec asked(InputStream in, Integer iterations) {
    ObjectNode spec = file == null ? SpecReader.empty() : SpecReader.read(file, in);
    put(spec, "methods", methods);
    put(spec, "tasks", tasks);
    put(spec, "baseModels", baseModels);
    if (seeds != null) {
      ArrayNode array = spec.putArray("seeds");
      seeds.forEach(array::add);
    }
    SpecFlags common = new SpecFlags();
    common.iterations = iterations;
    common.trainQuestions = trainQuestions;
    common.evaluateQuestions = evaluateQuestions;
    if (iterations != null || trainQuestions != null || evaluateQuestions != null) {
      spec.set("common", common.over(spec.withObjectProperty("common")));
    }
    return SpecReader.comparison(spec);
  }

  private static void put(ObjectNode spec, String field, List<String> values) {
    if (values != null) {
      ArrayNode array = spec.putArray(field);
      values.forEach(array::add);
    }
  }
}
