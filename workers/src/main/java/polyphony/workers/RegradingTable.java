package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import polyphony.activities.regrade.Regrading;
import polyphony.activities.regrade.Regrading.Change;
import polyphony.activities.tasks.Tasks;

/** What re-grading changes, as text: the evaluation, the training sets, then single verdicts. */
final class RegradingTable {
  private static final String ABSENT = "–";
  private static final int VERDICTS = 20;
  private static final int LONGEST_ANSWER = 24;

  private RegradingTable() {}

  /** Ends with a line break. */
  static String of(Regrading regrading) {
    StringBuilder text = new StringBuilder(regrading.experiment()).append(": ");
    text.append(gradings(regrading)).append("\n\n").append(AlignedText.of(evaluations(regrading)));
    List<List<String>> finetunings = finetunings(regrading);
    if (finetunings.size() > 1) {
      text.append('\n').append(AlignedText.of(finetunings)).append(earlier(regrading));
    }
    List<List<String>> verdicts = verdicts(regrading);
    if (verdicts.size() > 1) {
      int shown = Math.min(verdicts.size(), VERDICTS + 1);
      text.append('\n').append(AlignedText.of(verdicts.subList(0, shown)));
      if (shown < verdicts.size()) {
        text.append("… and ").append(verdicts.size() - shown).append(" more, see --json\n");
      }
    }
    return text.toString();
  }

  private static String gradings(Regrading regrading) {
    List<String> all = new ArrayList<>();
    for (Regrading.Iteration each : regrading.iterations()) {
      all.add(grading(each.grading()));
      if (each.finetuning() != null) {
        all.add(grading(each.finetuning().grading()));
      }
    }
    return String.join("; ", all.stream().distinct().toList());
  }

  /** What to know of sets of an earlier version. */
  private static String earlier(Regrading regrading) {
    return regrading.iterations().stream()
        .map(Regrading.Iteration::finetuning)
        .filter(Objects::nonNull)
        .map(each -> each.grading().before())
        .filter(recorded -> !recorded.equals(Tasks.regraded(recorded, null, null)))
        .findFirst()
        .map(
            recorded ->
                recorded
                    + " is no longer here: which sets the recorded answers were in is worked out by "
                    + Tasks.regraded(recorded, null, null)
                    + "\n")
        .orElse("");
  }

  private static String grading(Change<String> grading) {
    return "recorded as " + grading.before() + ", graded again as " + grading.after();
  }

  private static List<List<String>> evaluations(Regrading regrading) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("iteration", "accuracy ± s.e.", "consensus", "verdicts"));
    for (Regrading.Iteration each : regrading.iterations()) {
      long right = each.verdicts().stream().filter(Regrading.Verdict::after).count();
      rows.add(
          List.of(
              iteration(each),
              decimals(each.accuracy().before())
                  + " ± "
                  + decimals(each.standardError().before())
                  + " → "
                  + decimals(each.accuracy().after())
                  + " ± "
                  + decimals(each.standardError().after()),
              change(each.consensus()),
              moved(right, each.verdicts().size() - right)));
    }
    return rows;
  }

  private static List<List<String>> finetunings(Regrading regrading) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("iteration", "labelled", "changed", "label precision", "D^G", "D^C-", "D^C+"));
    for (Regrading.Iteration each : regrading.iterations()) {
      Regrading.Finetuning finetuning = each.finetuning();
      if (finetuning != null) {
        rows.add(
            List.of(
                iteration(each),
                finetuning.labelled().before() + " → " + finetuning.labelled().after(),
                Integer.toString(finetuning.labels().size()),
                change(finetuning.labelPrecision()),
                moved(finetuning, "D^G"),
                moved(finetuning, "D^C-"),
                moved(finetuning, "D^C+")));
      }
    }
    return rows;
  }

  private static List<List<String>> verdicts(Regrading regrading) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("question", "iteration", "was", "would be", "voted", "would be voted"));
    for (Regrading.Iteration each : regrading.iterations()) {
      for (Regrading.Verdict verdict : each.verdicts()) {
        rows.add(
            List.of(
                verdict.question(),
                iteration(each),
                verdict.before() ? "right" : "wrong",
                verdict.after() ? "right" : "wrong",
                shown(verdict.voted().before()),
                shown(verdict.voted().after())));
      }
    }
    return rows;
  }

  /** On one line, whatever a model has written. */
  private static String shown(String answer) {
    if (answer == null) {
      return ABSENT;
    }
    String line = answer.replaceAll("[\\s\\p{Cntrl}]++", " ").strip();
    return line.length() <= LONGEST_ANSWER ? line : line.substring(0, LONGEST_ANSWER - 1) + "…";
  }

  private static String iteration(Regrading.Iteration iteration) {
    return iteration.iteration() == 0 ? "untuned" : Integer.toString(iteration.iteration());
  }

  /** All agents together. */
  private static String moved(Regrading.Finetuning finetuning, String set) {
    List<Regrading.AgentSet> sets =
        finetuning.sets().stream().filter(each -> each.set().equals(set)).toList();
    return sets.isEmpty()
        ? ABSENT
        : moved(
            sets.stream().mapToLong(each -> each.entered().size()).sum(),
            sets.stream().mapToLong(each -> each.left().size()).sum());
  }

  private static String moved(long more, long fewer) {
    return "+" + more + " / -" + fewer;
  }

  private static String change(Change<Double> change) {
    return decimals(change.before()) + " → " + decimals(change.after());
  }

  private static String decimals(Double value) {
    return value == null ? ABSENT : String.format(Locale.ROOT, "%.3f", value);
  }
}
