package polyphony.activities.grading;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.activities.grading.algebra.AnswerComparison;

/**
 * Mathematical answers, or numbers only.
 *
 * <p>Read from a text in this order: what the last box holds, unless a later sentence says "the
 * final answer is"; what follows {@code ####}; what is said to be the answer; the last mathematics
 * or number.
 *
 * @param numbers whether answers are numbers, so that whatever stands around one is no part of it
 */
record MathGrader(boolean numbers) implements Grader {
  /** An answer that is longer than this is a text with an answer in it. */
  private static final int LONGEST_ANSWER = 300;

  private static final Pattern DELIMITED =
      Pattern.compile("\\$(?<content>[^$]++)\\$", Pattern.DOTALL);

  @Override
  public Optional<String> extract(String text) {
    String own = Prose.ownTurn(text);
    Optional<String> boxed = Boxes.last(own);
    if (boxed.isPresent()) {
      Optional<String> later = Prose.finalAnswer(own, Boxes.end(own) + 1, numbers);
      return later.or(() -> boxed).map(this::reduced);
    }
    return Prose.finalAnswer(own, 0, numbers)
        .or(() -> Prose.afterHashes(own))
        .or(() -> Prose.afterMarker(own, numbers))
        .or(() -> Prose.last(own, numbers))
        .map(this::reduced);
  }

  @Override
  public Optional<String> read(String answer) {
    String stripped = answer.strip();
    if (stripped.isEmpty()) {
      return Optional.empty();
    }
    boolean alone =
        stripped.length() <= LONGEST_ANSWER
            && !stripped.contains("\\boxed")
            && !stripped.contains("\\fbox")
            && !stripped.contains("####")
            && !Prose.is(stripped);
    if (alone && AnswerComparison.readable(stripped)) {
      return Optional.of(reduced(stripped));
    }
    int open = stripped.lastIndexOf("\\boxed{");
    if (open >= 0 && stripped.length() - open <= LONGEST_ANSWER && Boxes.last(stripped).isEmpty()) {
      return Optional.of(stripped.substring(open + "\\boxed{".length())); // never closed
    }
    return Optional.of(extract(stripped).orElse(stripped));
  }

  @Override
  public Verdict compare(String one, String other) {
    return AnswerComparison.compare(one, other);
  }

  /** Of "52 WPM" or "answer: $3" the number, where there is one and no more. */
  private String reduced(String answer) {
    if (answer.length() > LONGEST_ANSWER) {
      return answer.strip();
    }
    if (!numbers) {
      Matcher delimited = DELIMITED.matcher(answer.strip());
      return delimited.matches() ? delimited.group("content").strip() : answer.strip();
    }
    int equals = answer.lastIndexOf('=');
    String value = equals < 0 ? answer : answer.substring(equals + 1);
    return Numbers.one(value) ? Numbers.first(value).orElseThrow() : answer.strip();
  }
}
