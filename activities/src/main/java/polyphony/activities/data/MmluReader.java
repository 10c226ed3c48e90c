package polyphony.activities.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.RuntimeJsonMappingException;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import polyphony.storage.PolyphonyException;

/** MMLU as published: {@code {dev,val,test}/SUBJECT_PART.csv}, six columns and no header. */
final class MmluReader implements QuestionReader {
  private static final CsvMapper CSV =
      CsvMapper.builder().enable(CsvParser.Feature.WRAP_AS_ARRAY).build();
  private static final String LETTERS = "ABCD";

  @Override
  public Read read(List<SourceFiles.SourceFile> files) {
    List<DataQuestion> questions = new ArrayList<>();
    List<String> emptyFields = new ArrayList<>();
    for (SourceFiles.SourceFile file : files) {
      String part = QuestionReader.part(file.path());
      // auxiliary_train is made of other data sets
      if (file.name().endsWith(".csv") && !part.equals("train")) {
        read(file, part, questions, emptyFields);
      }
    }
    if (questions.isEmpty()) {
      throw QuestionReader.nothing("dev, val and test with SUBJECT_PART.csv in each");
    }
    return new Read(questions, emptyFields);
  }

  private static void read(
      SourceFiles.SourceFile file,
      String part,
      List<DataQuestion> questions,
      List<String> emptyFields) {
    String subject = file.name().replaceAll("(?:_(?:dev|val|test))?\\.csv$", "");
    int number = 0;
    try (MappingIterator<String[]> rows = CSV.readerFor(String[].class).readValues(file.text())) {
      while (rows.hasNextValue()) {
        String[] row = rows.nextValue();
        number++;
        String place = file.path() + ":" + number;
        if (row.length == 1 && row[0].isBlank()) {
          continue;
        }
        if (row.length != 6) {
          throw PolyphonyException.data(
              place + " has " + row.length + " columns, not 6; correct the quotes of that row");
        }
        String answer = row[5].strip();
        if (row[0].isBlank() || answer.length() != 1 || !LETTERS.contains(answer)) {
          throw PolyphonyException.data(
              place + " has no question, or an answer other than A, B, C or D; correct it");
        }
        StringBuilder text = new StringBuilder(row[0].strip());
        for (int option = 0; option < LETTERS.length(); option++) {
          text.append("\n(").append(LETTERS.charAt(option)).append(") ");
          text.append(row[1 + option].strip());
          if (row[1 + option].isBlank()) {
            emptyFields.add(place);
          }
        }
        questions.add(new DataQuestion(place, part, null, text.toString(), answer, null, subject));
      }
    } catch (JsonProcessingException | RuntimeJsonMappingException e) {
      throw PolyphonyException.data(
          file.path() + " is no CSV after row " + number + " (" + e.getMessage() + ")");
    } catch (IOException e) {
      throw PolyphonyException.infrastructure("cannot read from memory", e);
    }
  }
}
