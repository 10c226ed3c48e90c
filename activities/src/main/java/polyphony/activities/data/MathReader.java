package polyphony.activities.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.activities.grading.Graders;
import polyphony.storage.PolyphonyException;

/**
 * MATH as published, {@code {train,test}/SUBJECT/N.json} in a folder or archive, or as JSON lines
 * with the same fields, of which {@code answer} may be one.
 */
final class MathReader implements QuestionReader {
  private static final Pattern LEVEL = Pattern.compile("(?:Level )?([1-5])");

  @Override
  public Read read(List<SourceFiles.SourceFile> files) {
    List<DataQuestion> questions = new ArrayList<>();
    List<String> emptyFields = new ArrayList<>();
    for (SourceFiles.SourceFile file : files) {
      if (file.name().endsWith(".jsonl")) {
        questions.addAll(
            QuestionReader.lines(file, (node, place) -> question(node, place, file.path())));
      } else if (file.name().endsWith(".json")) {
        questions.add(
            question(QuestionReader.json(file.text(), file.path()), file.path(), file.path()));
      }
    }
    if (questions.isEmpty()) {
      throw QuestionReader.nothing("train/SUBJECT/N.json and test/SUBJECT/N.json, or JSON lines");
    }
    questions.stream()
        .filter(each -> each.answer().isEmpty())
        .forEach(each -> emptyFields.add(each.id()));
    return new Read(questions, emptyFields);
  }

  private static DataQuestion question(JsonNode node, String place, String path) {
    JsonNode stated = node.get("answer");
    String answer =
        stated != null && stated.isValueNode() && !stated.asText().isBlank()
            ? stated.asText().strip()
            : Graders.boxed(QuestionReader.field(node, "solution", place)).orElse("");
    // Two published solutions end in an empty box: their answers were lost, the questions count.
    if (answer.isEmpty() && !node.path("solution").asText().contains("\\boxed{}")) {
      throw PolyphonyException.data(
          place + " has a solution without \\boxed{…}; add an \"answer\" or correct it");
    }
    String known = node.path("unique_id").asText("");
    Matcher level = LEVEL.matcher(node.path("level").asText(""));
    String subject = node.path("type").asText(node.path("subject").asText(""));
    return new DataQuestion(
        known.isEmpty() ? place : known,
        QuestionReader.part(known.isEmpty() ? path : known),
        null,
        QuestionReader.field(node, "problem", place),
        answer,
        level.matches() ? Integer.valueOf(level.group(1)) : null,
        subject.isBlank() ? null : subject);
  }
}
