package polyphony.workers.devicecheck;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import polyphony.workers.AlignedText;
import polyphony.workers.devicecheck.Finding.Ceiling;
import polyphony.workers.devicecheck.Finding.Fact;
import polyphony.workers.devicecheck.Finding.NotDone;
import polyphony.workers.devicecheck.Finding.Resource;
import polyphony.workers.devicecheck.Finding.Speed;
import polyphony.workers.devicecheck.Finding.Verdict;

/**
 * All findings of a check.
 *
 * @param device as it was asked for
 * @param seconds of it all
 */
record DeviceReport(String device, boolean reduced, double seconds, List<Finding> findings) {
  private static final int WIDTH = 100;

  DeviceReport {
    findings = List.copyOf(findings);
  }

  /** Whether everything that was to be verified was, and is right. */
  @JsonProperty
  boolean passed() {
    return !of(Verdict.class).isEmpty()
        && of(Verdict.class).stream().allMatch(Verdict::passed)
        && of(NotDone.class).stream().noneMatch(NotDone::verification);
  }

  private <T extends Finding> List<T> of(Class<T> type) {
    return findings.stream().filter(type::isInstance).map(type::cast).toList();
  }

  /** At most 100 columns. */
  String text() {
    StringBuilder text = new StringBuilder();
    for (Fact fact : of(Fact.class)) {
      text.append(wrapped(fact.what() + ": " + fact.value()));
    }
    List<List<String>> verdicts = new ArrayList<>();
    verdicts.add(List.of("verified", "measured", "bound", ""));
    for (Verdict each : of(Verdict.class)) {
      verdicts.add(
          List.of(
              each.what(),
              number(each.measured()),
              number(each.bound()),
              each.passed() ? "ok" : "FAILED"));
    }
    append(text, verdicts);
    List<List<String>> ceilings = new ArrayList<>();
    ceilings.add(List.of("ceilings", "measured"));
    for (Ceiling each : of(Ceiling.class)) {
      ceilings.add(List.of(each.what(), rate(each.resource(), each.perSecond())));
    }
    append(text, ceilings);
    List<List<String>> speeds = new ArrayList<>();
    speeds.add(List.of("measured", "tokens/s", "needs", "of ceiling", "peak GB", "planned"));
    for (Speed each : of(Speed.class)) {
      speeds.add(
          List.of(
              each.what(),
              String.format(Locale.ROOT, "%,.0f", each.tokensPerSecond()),
              rate(each.resource(), each.perSecond()),
              share(each).map(share -> Math.round(100 * share) + " %").orElse("–"),
              each.peakBytes() == null ? "–" : gigabytes(each.peakBytes()),
              gigabytes(each.plannedBytes())));
    }
    append(text, speeds);
    if (!of(NotDone.class).isEmpty()) {
      text.append("\nnot done\n");
      for (NotDone each : of(NotDone.class)) {
        text.append(wrapped(each.what() + ": " + each.reason()));
      }
    }
    text.append(
        String.format(
            Locale.ROOT,
            "%n%s on %s in %.0f s%n",
            passed()
                ? "everything verified agrees"
                : "NOT everything that was to be verified agrees",
            device,
            seconds));
    return text.toString();
  }

  private static void append(StringBuilder text, List<List<String>> rows) {
    if (rows.size() > 1) {
      text.append(text.isEmpty() ? "" : "\n").append(AlignedText.of(rows));
    }
  }

  /** What the work needs of its resource over what there is. */
  private Optional<Double> share(Speed speed) {
    return of(Ceiling.class).stream()
        .filter(ceiling -> ceiling.resource() == speed.resource())
        .map(ceiling -> speed.perSecond() / ceiling.perSecond())
        .findFirst();
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e6
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.2g", value);
  }

  private static String rate(Resource resource, double perSecond) {
    return switch (resource) {
      case BANDWIDTH -> String.format(Locale.ROOT, "%,.1f GB/s", perSecond / 1e9);
      case MATMUL -> String.format(Locale.ROOT, "%,.2f TFLOP/s", perSecond / 1e12);
    };
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f", bytes / 1e9);
  }

  /** In lines of the greatest width, from the second on indented. */
  private static String wrapped(String text) {
    StringBuilder lines = new StringBuilder();
    String rest = text.replaceAll("\\s+", " ").strip();
    String indentation = "";
    while (!rest.isEmpty()) {
      int room = WIDTH - indentation.length();
      int end = rest.length() <= room ? rest.length() : rest.lastIndexOf(' ', room);
      end = end <= 0 ? room : end;
      lines.append(indentation).append(rest, 0, end).append('\n');
      rest = rest.substring(end).strip();
      indentation = "  ";
    }
    return lines.toString();
  }
}
