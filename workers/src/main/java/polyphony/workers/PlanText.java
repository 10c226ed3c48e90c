package polyphony.workers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import polyphony.activities.plan.Plan;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.Forecast;

/** A plan as text. */
final class PlanText {
  private static final String UNKNOWN = "–";

  private PlanText() {}

  /**
   * What is to be done by iteration and step, and below it what that takes; ends with a line break.
   */
  static String of(Planner.Planned planned) {
    return of(planned, false);
  }

  /**
   * The same.
   *
   * @param piloted whether a pilot was just run for it
   */
  static String of(Planner.Planned planned, boolean piloted) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("iteration  step", "to compute", "there already", "device time"));
    int last = -1;
    for (Plan.Row row : planned.plan().rows(planned.rates())) {
      rows.add(
          List.of(
              String.format(
                  Locale.ROOT,
                  "%-9s  %s",
                  row.iteration() == last
                      ? ""
                      : row.iteration() == 0 ? "untuned" : Integer.toString(row.iteration()),
                  row.step()),
              Integer.toString(row.computed()),
              Integer.toString(row.reused()),
              row.computed() == 0 ? "" : time(row.deviceSeconds())));
      last = row.iteration();
    }
    return planned.plan().experiment().name()
        + ": "
        + ExperimentDescription.summary(planned.plan().experiment().spec())
        + "\n"
        + AlignedText.of(rows)
        + planned.forecast().map(Forecast::text).orElseGet(() -> none(planned, piloted))
        + "\n";
  }

  private static String time(Double seconds) {
    return seconds == null
        ? UNKNOWN
        : seconds == 0 ? "" : Forecast.clock(Duration.ofMillis(Math.round(1000 * seconds)));
  }

  private static String none(Planner.Planned planned, boolean piloted) {
    return "no forecast of time and room: "
        + (piloted
            ? "the pilot had no "
                + String.join(", no ", planned.plan().unmeasured(planned.rates()))
                + " to measure; the experiment itself measures them as it runs"
            : "nothing like it was measured in this store; polyphony plan measures first");
  }
}
