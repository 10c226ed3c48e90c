package polyphony.activities.grading;

import java.util.Locale;
import java.util.Optional;

/** Short texts, compared without case, punctuation, articles and spaces. */
record TextGrader() implements Grader {
  @Override
  public Optional<String> extract(String text) {
    String own = Prose.ownTurn(text);
    return Boxes.last(own)
        .or(() -> Prose.afterHashes(own))
        .or(() -> afterLastMarker(own))
        .or(() -> lastLine(own));
  }

  private static Optional<String> afterLastMarker(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    int marker = Math.max(lower.lastIndexOf("answer is"), lower.lastIndexOf("answer:"));
    if (marker < 0 || lower.length() != text.length()) {
      return Optional.empty();
    }
    String rest = text.substring(marker).replaceFirst("(?i)^answer(?: is|:)[:\\s*]*+", "");
    String line = rest.lines().findFirst().orElse("").replaceAll("[*\"\\s.]++$", "");
    return Optional.of(line.strip()).filter(each -> !each.isEmpty());
  }

  private static Optional<String> lastLine(String text) {
    return text.lines().map(String::strip).filter(each -> !each.isEmpty()).reduce((a, b) -> b);
  }

  @Override
  public Verdict compare(String one, String other) {
    return plain(one).equals(plain(other)) ? Verdict.EQUAL : Verdict.DIFFERENT;
  }

  private static String plain(String text) {
    return text.toLowerCase(Locale.ROOT)
        .replaceAll("\\\\[a-z]++", " ")
        .replaceAll("[^\\p{L}\\p{N}\\s]++", " ")
        .replaceAll("\\b(?:the|an?)\\b", " ")
        .replaceAll("\\s++", " ")
        .strip();
  }
}
