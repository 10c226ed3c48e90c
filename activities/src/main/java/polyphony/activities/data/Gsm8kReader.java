package polyphony.activities.data;

import java.util.ArrayList;
import java.util.List;
import polyphony.storage.PolyphonyException;

/** GSM8K as published: train.jsonl and test.jsonl with question and answer, ending in #### N. */
final class Gsm8kReader implements QuestionReader {
  @Override
  public Read read(List<SourceFiles.SourceFile> files) {
    List<DataQuestion> questions = new ArrayList<>();
    for (SourceFiles.SourceFile file : files) {
      if (!file.name().endsWith(".jsonl")) {
        continue;
      }
      String part = QuestionReader.part(file.name());
      questions.addAll(
          QuestionReader.lines(
              file,
              (node, place) -> {
                String solution = QuestionReader.field(node, "answer", place);
                int hashes = solution.lastIndexOf("####");
                String answer = hashes < 0 ? "" : solution.substring(hashes + 4).strip();
                if (answer.isEmpty()) {
                  throw PolyphonyException.data(
                      place + " has an answer without a last line \"#### N\"; correct it");
                }
                return new DataQuestion(
                    place,
                    part,
                    null,
                    QuestionReader.field(node, "question", place),
                    answer,
                    null,
                    null);
              }));
    }
    if (questions.isEmpty()) {
      throw QuestionReader.nothing("train.jsonl and test.jsonl");
    }
    return new Read(questions, List.of());
  }
}
