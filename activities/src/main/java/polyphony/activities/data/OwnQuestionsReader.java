package polyphony.activities.data;

import java.util.ArrayList;
import java.util.List;

/**
 * A person's own questions: JSON lines with question and answer, optionally id, level and part. A
 * file called train or test is that part.
 */
final class OwnQuestionsReader implements QuestionReader {
  @Override
  public Read read(List<SourceFiles.SourceFile> files) {
    List<DataQuestion> questions = new ArrayList<>();
    for (SourceFiles.SourceFile file : files) {
      if (file.name().endsWith(".jsonl")) {
        questions.addAll(
            QuestionReader.lines(
                file,
                (node, place) ->
                    new DataQuestion(
                        node.hasNonNull("id") ? node.get("id").asText() : place,
                        node.hasNonNull("part")
                            ? node.get("part").asText()
                            : QuestionReader.part(file.name()),
                        null,
                        QuestionReader.field(node, "question", place),
                        QuestionReader.field(node, "answer", place),
                        node.path("level").isInt() ? node.get("level").asInt() : null,
                        node.hasNonNull("subject") ? node.get("subject").asText() : null)));
      }
    }
    if (questions.isEmpty()) {
      throw QuestionReader.nothing("JSON lines (.jsonl) with question and answer");
    }
    return new Read(questions, List.of());
  }
}
