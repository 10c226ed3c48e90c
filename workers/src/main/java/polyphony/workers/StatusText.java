package polyphony.workers;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** An {@link ExperimentStatus} for people. */
final class StatusText {
  private static final int MOST_STEPS = 12;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);

  private final Instant now;
  private final ZoneId zone;

  StatusText(Instant now, ZoneId zone) {
    this.now = now;
    this.zone = zone;
  }

  /** Several lines, each ending with a line break. */
  String of(ExperimentStatus status) {
    StringBuilder text = new StringBuilder();
    line(text, status.experiment() + (blank(status.summary()) ? "" : " · " + status.summary()));
    line(text, state(status));
    if (status.failure() != null) {
      line(text, status.failure());
    }
    section(text, "", status.attention());
    section(text, "steps", steps(status.pending()));
    if (!status.reports().isEmpty()) {
      text.append('\n').append(ResultsTable.of(status.reports()));
    }
    section(text, "", status.notes());
    return text.toString();
  }

  /** Such as {@code running since 2026-11-20 13:05 (12:30) · debate 3/12, iteration 2 of 3}. */
  private String state(ExperimentStatus status) {
    List<String> parts = new ArrayList<>();
    parts.add(status.state().shown() + times(status));
    String phase = status.phase();
    if (phase != null && !Phases.isHeld(phase)) {
      parts.add(
          status.units() == null || status.units() == 0
              ? phase
              : phase + " " + status.unitsDone() + "/" + status.units());
    }
    if (status.iteration() != null) {
      parts.add(iteration(status));
    }
    return String.join(" · ", parts);
  }

  private String times(ExperimentStatus status) {
    if (status.started() == null) {
      return "";
    }
    Instant start = Instant.parse(status.started());
    return status.closed() == null
        ? " since " + time(start) + " (" + ProgressLine.clock(Duration.between(start, now)) + ")"
        : " "
            + time(Instant.parse(status.closed()))
            + " after "
            + ProgressLine.clock(Duration.between(start, Instant.parse(status.closed())));
  }

  private static String iteration(ExperimentStatus status) {
    return status.iteration() == 0
        ? "untuned society"
        : "iteration "
            + status.iteration()
            + (status.iterations() == null ? "" : " of " + status.iterations());
  }

  private List<String> steps(List<PendingStep> pending) {
    List<String> lines = new ArrayList<>();
    for (PendingStep each : pending.subList(0, Math.min(MOST_STEPS, pending.size()))) {
      lines.add(step(each));
    }
    if (pending.size() > MOST_STEPS) {
      Map<String, Long> rest =
          pending.subList(MOST_STEPS, pending.size()).stream()
              .collect(
                  Collectors.groupingBy(PendingStep::state, TreeMap::new, Collectors.counting()));
      lines.add(
          "and more: "
              + rest.entrySet().stream()
                  .map(each -> each.getValue() + " " + each.getKey())
                  .collect(Collectors.joining(", ")));
    }
    return lines;
  }

  /** Such as {@code debate running on cpu@node7:4711 for 1:20, agent 2, round 1, 120/250}. */
  private String step(PendingStep step) {
    StringBuilder line = new StringBuilder(step.step()).append(' ').append(step.state());
    if (step.isRunning() && step.worker() != null) {
      line.append(" on ").append(step.worker());
    }
    if (step.since() != null) {
      Duration age = Duration.between(Instant.parse(step.since()), now);
      // A retry that is still to come is ahead.
      line.append(age.isNegative() ? " in " : " for ").append(ProgressLine.clock(age.abs()));
    }
    if (step.progress() != null && step.isRunning()) {
      line.append(" · ").append(step.progress().detail());
      if (step.progress().total() > 0) {
        line.append(", ")
            .append(step.progress().done())
            .append('/')
            .append(step.progress().total());
      }
    }
    if (step.attempt() > 1) {
      line.append(" · attempt ").append(step.attempt());
    }
    if (step.lastFailure() != null) {
      line.append(" · last on ").append(step.worker()).append(": ").append(step.lastFailure());
    }
    return line.toString();
  }

  private String time(Instant instant) {
    return TIME.format(instant.atZone(zone));
  }

  private static void section(StringBuilder text, String title, List<String> lines) {
    if (lines.isEmpty()) {
      return;
    }
    text.append('\n');
    if (!title.isEmpty()) {
      line(text, title);
    }
    lines.forEach(each -> line(text, title.isEmpty() ? each : "  " + each));
  }

  private static void line(StringBuilder text, String line) {
    text.append(line).append('\n');
  }

  private static boolean blank(String text) {
    return text == null || text.isBlank();
  }
}
