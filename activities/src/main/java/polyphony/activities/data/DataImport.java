package polyphony.activities.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import polyphony.activities.JsonLines;
import polyphony.activities.grading.Graders;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;

/**
 * Reads published files, checks them, decides what each question is for, and stores the result.
 *
 * <p>Published test questions are for evaluation alone, and the others for finetuning, an eighth of
 * them (by the hash of the question) for choosing settings. Where files know no test part, the hash
 * decides everything: three eighths are for evaluation, one for choosing settings, the rest for
 * finetuning. So splits never overlap, whatever is drawn from them. A question that is there twice
 * counts once, and for evaluation if one of them does.
 */
public final class DataImport {
  /** Raised whenever equal files would give other questions or splits. */
  static final int VERSION = 1;

  /** The form of a person's own questions. */
  public static final String CUSTOM = "custom";

  static final String FINETUNE = "finetune";
  static final String VALIDATE = "validate";
  static final String EVALUATE = "evaluate";
  static final String LEFT_OUT = "left-out";

  private final Artifacts artifacts;

  public DataImport(Artifacts artifacts) {
    this.artifacts = artifacts;
  }

  /** The forms of data sets that can be read. */
  public static List<String> forms() {
    List<String> forms = new ArrayList<>(Tasks.published());
    forms.add(CUSTOM);
    return forms;
  }

  /**
   * @param path a file, folder or archive
   * @param form one of {@link #forms}
   * @param answers kind of the answers; null: the form's own
   * @param prompts folder of templates; null: none of its own
   * @throws PolyphonyException CONFIG where form, kind or path is wrong; DATA where the files are,
   *     with file and line
   */
  public ImportedData read(Path path, String form, String answers, Path prompts) {
    QuestionReader reader =
        switch (form) {
          case "gsm8k" -> new Gsm8kReader();
          case "math" -> new MathReader();
          case "mmlu" -> new MmluReader();
          case CUSTOM -> new OwnQuestionsReader();
          default ->
              throw PolyphonyException.config(
                  "there is no form of data \"" + form + "\"; it is one of " + forms());
        };
    String kind = answers != null ? answers : form.equals(CUSTOM) ? "math" : Tasks.answers(form);
    Graders.of(kind, Graders.DEFAULT, Graders.DEFAULT); // refuses what does not exist
    ArtifactRef templates =
        prompts == null
            ? null
            : artifacts.put(
                PromptSet.folder(prompts).bytes(), PromptSet.MEDIA_TYPE, PromptSet.FILE);

    QuestionReader.Read read = reader.read(SourceFiles.read(path));
    requireUniqueIds(read.questions());
    List<ImportedData.Pair> duplicates = new ArrayList<>();
    List<DataQuestion> questions = split(read.questions(), duplicates);
    List<NearDuplicates.Pair> near =
        NearDuplicates.between(
            questions.stream()
                .filter(each -> each.split().equals(FINETUNE) || each.split().equals(VALIDATE))
                .toList(),
            questions.stream().filter(each -> each.split().equals(EVALUATE)).toList());
    ImportedData.Report report =
        new ImportedData.Report(
            read.emptyFields(),
            duplicates,
            near.subList(0, Math.min(near.size(), NearDuplicates.MAX_REPORTED)));
    return new ImportedData(
        VERSION,
        form,
        kind,
        artifacts.put(JsonLines.write(questions), JsonLines.MEDIA_TYPE, "questions.jsonl"),
        counts(questions.stream().map(DataQuestion::part).toList()),
        counts(questions.stream().map(DataQuestion::split).toList()),
        duplicates.size(),
        near.size(),
        artifacts.put(CanonicalJson.bytes(report), "application/json", "import-report.json"),
        templates);
  }

  private static void requireUniqueIds(List<DataQuestion> questions) {
    Set<String> ids = new HashSet<>();
    for (DataQuestion question : questions) {
      if (!ids.add(question.id())) {
        throw PolyphonyException.data(
            "two questions have the id \"" + question.id() + "\"; give each its own");
      }
    }
  }

  private static List<DataQuestion> split(
      List<DataQuestion> questions, List<ImportedData.Pair> duplicates) {
    boolean tested = questions.stream().anyMatch(each -> each.part().equals("test"));
    Map<String, DataQuestion> kept = new HashMap<>();
    List<DataQuestion> evaluatedFirst = new ArrayList<>(questions);
    evaluatedFirst.sort(
        Comparator.comparing((DataQuestion each) -> each.part().equals("test") ? 0 : 1)); // stable
    Map<String, String> splits = new HashMap<>();
    for (DataQuestion question : evaluatedFirst) {
      if (question.answer().isEmpty()) {
        splits.put(question.id(), LEFT_OUT);
        continue;
      }
      String normal = NearDuplicates.normal(question.text());
      DataQuestion before = kept.putIfAbsent(normal, question);
      if (before != null) {
        duplicates.add(new ImportedData.Pair(before.id(), question.id()));
        splits.put(question.id(), LEFT_OUT);
      } else {
        splits.put(question.id(), split(normal, question.part(), tested));
      }
    }
    return questions.stream().map(each -> each.withSplit(splits.get(each.id()))).toList();
  }

  private static String split(String normal, String part, boolean tested) {
    int eighth =
        Integer.parseInt(Sha256.of(normal.getBytes(StandardCharsets.UTF_8)).substring(0, 2), 16)
            & 7;
    if (tested) {
      return part.equals("test") ? EVALUATE : eighth == 0 ? VALIDATE : FINETUNE;
    }
    return eighth < 3 ? EVALUATE : eighth == 3 ? VALIDATE : FINETUNE;
  }

  private static Map<String, Integer> counts(List<String> values) {
    Map<String, Integer> counts = new TreeMap<>();
    values.forEach(each -> counts.merge(each, 1, Integer::sum));
    return counts;
  }
}
