package polyphony.workers.chaos;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import polyphony.workers.AlignedText;

/**
 * The outcomes of all trials.
 *
 * @param processors of this machine
 * @param answers of an undisturbed experiment, summaries included
 * @param trainingSteps of an undisturbed experiment
 * @param seconds of an undisturbed experiment
 */
record ChaosReport(
    int processors, int answers, int trainingSteps, double seconds, List<Outcome> outcomes) {

  /**
   * All trials of one fault. Amounts are the middle one and the largest.
   *
   * @param passed in which nothing was lost or done twice
   */
  record Row(
      String fault,
      String moment,
      int trials,
      int passed,
      Amount answersRepeated,
      Amount trainingStepsRepeated,
      Amount textsRepeated,
      Amount secondsToProgress,
      Amount secondsAfterMending) {}

  /** Null where there is nothing to tell. */
  record Amount(Double median, Double worst) {
    static Amount of(List<Outcome> outcomes, ToDoubleFunction<Outcome> amount) {
      double[] sorted = outcomes.stream().mapToDouble(amount).sorted().toArray();
      return sorted.length == 0
          ? new Amount(null, null)
          : new Amount(sorted[sorted.length / 2], sorted[sorted.length - 1]);
    }

    private String shown(String format) {
      return median == null ? "–" : String.format(Locale.ROOT, format, median, worst);
    }
  }

  /** One row per fault, in the order of the trials. */
  @JsonProperty
  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    for (String fault : outcomes.stream().map(Outcome::fault).distinct().toList()) {
      List<Outcome> of = outcomes.stream().filter(each -> each.fault().equals(fault)).toList();
      List<Outcome> timed =
          of.stream().filter(each -> Objects.nonNull(each.secondsToProgress())).toList();
      rows.add(
          new Row(
              fault,
              of.get(0).moment(),
              of.size(),
              (int) of.stream().filter(Outcome::passed).count(),
              Amount.of(of, Outcome::answersRepeated),
              Amount.of(of, Outcome::trainingStepsRepeated),
              Amount.of(of, Outcome::textsRepeated),
              Amount.of(timed, Outcome::secondsToProgress),
              Amount.of(timed, Outcome::secondsAfterMending)));
    }
    return rows;
  }

  @JsonProperty
  boolean passed() {
    return outcomes.stream().allMatch(Outcome::passed);
  }

  /** The table, for people. */
  String text() {
    List<List<String>> table = new ArrayList<>();
    table.add(Arrays.asList("", "", "answers", "training", "texts", "seconds to", "seconds"));
    table.add(
        Arrays.asList(
            "fault", "passed", "again", "steps again", "again", "progress", "after mending"));
    for (Row row : rows()) {
      table.add(
          Arrays.asList(
              row.fault(),
              row.passed() + " of " + row.trials(),
              row.answersRepeated().shown("%.0f / %.0f"),
              row.trainingStepsRepeated().shown("%.0f / %.0f"),
              row.textsRepeated().shown("%.0f / %.0f"),
              row.secondsToProgress().shown("%.1f / %.1f"),
              row.secondsAfterMending().shown("%.1f / %.1f")));
    }
    return AlignedText.of(table)
        + String.format(
            Locale.ROOT,
            "%nMiddle and worst of all trials. Undisturbed: %d answers, %d training steps, %.0f s"
                + " on %d processors.%n",
            answers,
            trainingSteps,
            seconds,
            processors);
  }

  /** One outcome in a line, its problems in further ones. */
  static String line(Outcome outcome) {
    return String.format(
            Locale.ROOT,
            "%s %d: %s; %d answers, %d training steps, %d texts again; progress after %s; %.0f s",
            outcome.fault(),
            outcome.repeat() + 1,
            outcome.passed() ? "passed" : "FAILED",
            outcome.answersRepeated(),
            outcome.trainingStepsRepeated(),
            outcome.textsRepeated(),
            outcome.secondsToProgress() == null
                ? "–"
                : String.format(Locale.ROOT, "%.1f s", outcome.secondsToProgress()),
            outcome.seconds())
        + outcome.problems().stream().map(each -> "\n  " + each).collect(Collectors.joining());
  }
}
