package polyphony.workers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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
        + forecast(planned.forecast());
  }

  private static String time(Double seconds) {
    return seconds == null
        ? UNKNOWN
        : seconds == 0 ? "" : Forecast.clock(Duration.ofMillis(Math.round(1000 * seconds)));
  }

  private static String forecast(Optional<Forecast> forecast) {
    return forecast
            .map(Forecast::text)
            .orElse(
                "no forecast of time and room: nothing like it was measured in this store; polyphony"
                    + " plan measures first")
        + "\n";
  }
}
