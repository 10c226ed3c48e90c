package polyphony.activities.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** Reads the files of one form of data set. */
interface QuestionReader {
  JsonMapper JSON = new JsonMapper();

  /**
   * @param emptyFields questions without an answer, which are left out, and multiple-choice
   *     questions with an option without a text
   */
  record Read(List<DataQuestion> questions, List<String> emptyFields) {}

  /**
   * Questions in the order of the files; their splits are not decided yet.
   *
   * @throws PolyphonyException DATA with file and line of what is wrong
   */
  Read read(List<SourceFiles.SourceFile> files);

  /** Every line of a file as JSON, with where it stands. */
  static List<DataQuestion> lines(
      SourceFiles.SourceFile file, BiFunction<JsonNode, String, DataQuestion> read) {
    List<DataQuestion> questions = new ArrayList<>();
    int number = 0;
    for (String line : file.text().split("\n", -1)) {
      number++;
      if (!line.isBlank()) {
        questions.add(
            read.apply(json(line, file.path() + ":" + number), file.path() + ":" + number));
      }
    }
    return questions;
  }

  static JsonNode json(String text, String place) {
    try {
      JsonNode node = JSON.readTree(text);
      if (node != null && node.isObject()) {
        return node;
      }
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, place + " is not JSON (" + e.getOriginalMessage() + "); correct it", e);
    }
    throw PolyphonyException.data(place + " is not a JSON object; correct it");
  }

  /**
   * @throws PolyphonyException DATA where it is missing or blank
   */
  static String field(JsonNode node, String name, String place) {
    JsonNode value = node.get(name);
    String text = value != null && value.isValueNode() && !value.isNull() ? value.asText() : "";
    if (text.isBlank()) {
      throw PolyphonyException.data(
          place + " has no \"" + name + "\"; fill it in or remove the line");
    }
    return text.strip();
  }

  /** Which part of its data set a file is, by its name. */
  static String part(String path) {
    for (String part : List.of("train", "test", "dev", "val")) {
      for (String segment : path.split("[/._-]", -1)) {
        if (segment.equals(part)) {
          return part;
        }
      }
    }
    return "all";
  }

  static PolyphonyException nothing(String expected) {
    return PolyphonyException.data("there are no questions; expected are " + expected);
  }
}
