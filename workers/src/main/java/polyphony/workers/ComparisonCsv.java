package polyphony.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import polyphony.activities.compare.Comparison;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonResult;

/** A comparison as CSV: one line per method and iteration, under one of headings. */
final class ComparisonCsv {
  private ComparisonCsv() {}

  static String of(Comparison comparison) {
    List<Map<String, Object>> lines = new ArrayList<>();
    for (Comparison.Row row : comparison.rows()) {
      for (Comparison.Point point : row.iterations()) {
        lines.add(line(row, point));
      }
    }
    CsvSchema.Builder schema = CsvSchema.builder().setUseHeader(true);
    lines.get(0).keySet().forEach(schema::addColumn);
    try {
      return new CsvMapper().writer(schema.build()).writeValueAsString(lines);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write the comparison as CSV", e);
    }
  }

  /** What does not apply is empty. */
  private static Map<String, Object> line(Comparison.Row row, Comparison.Point point) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("task", row.task());
    line.put("baseModel", row.baseModel());
    line.put("method", row.label());
    line.put("seeds", row.seeds().stream().map(String::valueOf).collect(Collectors.joining(" ")));
    line.put("questions", row.questions());
    line.put("iteration", point.iteration());
    line.put("accuracy", point.accuracy());
    line.put("standardError", point.standardError());
    boolean last = point.iteration() == row.last().iteration();
    line.put("rank", last ? row.rank().toString() : null);
    line.put("firstRoundAccuracy", point.firstRoundAccuracy());
    line.put("consensus", point.consensus());
    line.put("likelihood", point.likelihood());
    line.put("embeddingDissimilarity", point.embeddingDissimilarity());
    line.put("klBetweenAgents", point.klBetweenAgents());
    line.put("klToBase", point.klToBase());
    line.put("generatorKlBetweenAgents", point.generatorKlBetweenAgents());
    line.put("generatorKlToBase", point.generatorKlToBase());
    line.put("labelPrecision", point.labelPrecision());
    line.put("generatorExamples", point.generatorExamples());
    line.put("criticExamples", point.criticExamples());
    ComparisonResult.Budget budget = point.budget();
    line.put("sampledTokens", budget == null ? null : budget.sampledTokens());
    line.put("trainedTokens", budget == null ? null : budget.trainedTokens());
    line.put("answerTokens", budget == null ? null : budget.answerTokens());
    line.put("deviceSeconds", budget == null ? null : budget.deviceSeconds());
    return line;
  }
}
