package polyphony.activities.data;

import java.util.List;
import java.util.Map;
import polyphony.storage.ArtifactRef;

/**
 * What was imported under a name; recorded at {@code data/<name>.json}.
 *
 * @param version of the import, which decides splits
 * @param task {@code gsm8k}, {@code math}, {@code mmlu} or {@code custom}: the files' form
 * @param answers kind of the answers
 * @param questions JSON lines of {@link DataQuestion}
 * @param parts how many questions each published part has
 * @param splits how many questions each split has
 * @param duplicates questions that were left out, since the same one is there already
 * @param nearDuplicates pairs of questions to finetune and to evaluate on that are nearly the same;
 *     they stay, and {@code report} names them
 * @param report what the checks found, as JSON
 * @param prompts the prompt set; null where the task has none of its own
 */
public record ImportedData(
    int version,
    String task,
    String answers,
    ArtifactRef questions,
    Map<String, Integer> parts,
    Map<String, Integer> splits,
    int duplicates,
    int nearDuplicates,
    ArtifactRef report,
    ArtifactRef prompts) {

  /**
   * @param emptyFields questions without an answer, which are left out, and multiple-choice
   *     questions with an option without a text
   * @param duplicates what was left out, and for which question
   * @param nearDuplicates at most the first {@value NearDuplicates#MAX_REPORTED}
   */
  public record Report(
      List<String> emptyFields, List<Pair> duplicates, List<NearDuplicates.Pair> nearDuplicates) {}

  /** Ids of two questions. */
  public record Pair(String one, String other) {}
}
