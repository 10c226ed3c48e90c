package polyphony.activities.grading;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code \boxed{…}} and {@code \fbox{…}} of a text. */
final class Boxes {
  /** Of a text with more, only the last ones are looked at. */
  private static final int MAX_JOINED = 20;

  private static final Set<String> PLACEHOLDERS =
      Set.of("", "answer", "your answer", "final answer", "...", "\\ldots", "\\text{answer}");
  private static final Pattern UNBRACED =
      Pattern.compile("\\\\boxed ([0-9]{1,40}+|[A-Za-z])(?![A-Za-z])");
  private static final Pattern NOISE =
      Pattern.compile(
          "\\\\(?:quad|qquad|[,;:! ()\\[\\]]|text|textbf|mathrm|mbox|left|right)|[${}\\s*]++");
  private static final Pattern CONNECTOR =
      Pattern.compile("(?i)(?:^|[^a-z])(?:and|or|und|et|y)(?:$|[^a-z])|[,;&、，]|\\\\&");
  private static final Pattern NAMING =
      Pattern.compile("[A-Za-z](?:_\\{?[0-9A-Za-z]+\\}?)?\\s*=\\s*$");
  private static final Pattern WORD = Pattern.compile("\\p{L}{2,}");
  private static final Pattern SENTENCE = Pattern.compile("[.!?:]\\s|\\n\\s*\\n|[0-9]");

  /**
   * @param start of the command
   * @param from start of the content
   * @param to end of the content
   */
  private record Box(int start, int from, int to) {}

  private Boxes() {}

  /**
   * What the last complete box holds, with those that stand beside it where several are one answer,
   * as in {@code \boxed{1} and \boxed{2}}. Takes time proportional to the text's length.
   *
   * @return empty where there is no box, or nothing in it
   */
  static Optional<String> last(String text) {
    List<Box> boxes = boxes(text);
    if (boxes.isEmpty()) {
      Matcher matcher = UNBRACED.matcher(text);
      String content = null;
      while (matcher.find()) {
        content = matcher.group(1);
      }
      return Optional.ofNullable(content);
    }
    List<String> contents = new ArrayList<>();
    int index = boxes.size() - 1;
    contents.add(content(text, boxes.get(index)));
    while (index > 0
        && contents.size() < MAX_JOINED
        && joined(text, boxes.get(index - 1), boxes.get(index))) {
      index--;
      String content = content(text, boxes.get(index));
      if (!contents.contains(content)) {
        contents.add(0, content);
      }
    }
    return Optional.of(String.join(", ", contents));
  }

  /** Where the last complete box ends; -1 where there is none. */
  static int end(String text) {
    List<Box> boxes = boxes(text);
    return boxes.isEmpty() ? -1 : boxes.get(boxes.size() - 1).to();
  }

  private static String content(String text, Box box) {
    return text.substring(box.from(), box.to()).strip();
  }

  /** Whether two boxes are parts of one answer: little stands between them, and it connects. */
  private static boolean joined(String text, Box one, Box other) {
    if (one.to() >= other.start()) {
      return false;
    }
    if (other.start() - one.to() > 120) {
      return false;
    }
    String gap = text.substring(one.to() + 1, other.start());
    if (SENTENCE.matcher(NAMING.matcher(gap).replaceFirst("")).find()) {
      return false;
    }
    String bare = NOISE.matcher(gap).replaceAll(" ").strip();
    long words = WORD.matcher(bare).results().count();
    if (words == 0 && !CONNECTOR.matcher(bare).find()) {
      return bare.length() <= 12 && !bare.contains("=");
    }
    return words <= 4 && CONNECTOR.matcher(bare).find();
  }

  /**
   * All complete boxes with content, in the order in which they start; of nested ones the inner.
   */
  private static List<Box> boxes(String text) {
    // One pass with a stack of open braces: trying each command in turn would be quadratic.
    int[] open = new int[16];
    int[] starts = new int[16];
    int depth = 0;
    List<Box> boxes = new ArrayList<>();
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i);
      int start = -1;
      int from = i;
      if (c == '\\') {
        int name = text.startsWith("boxed", i + 1) ? 6 : text.startsWith("fbox", i + 1) ? 5 : 0;
        int brace = name > 0 ? skipSpaces(text, i + name) : -1;
        if (brace >= 0 && brace < text.length() && text.charAt(brace) == '{') {
          start = i;
          from = brace;
          c = '{';
        } else if (i + 1 < text.length() && "{}".indexOf(text.charAt(i + 1)) >= 0) {
          i += 2; // an escaped brace is text
          continue;
        }
      }
      if (c == '{') {
        if (depth == open.length) {
          open = Arrays.copyOf(open, 2 * depth);
          starts = Arrays.copyOf(starts, 2 * depth);
        }
        open[depth] = from + 1;
        starts[depth++] = start;
      } else if (c == '}' && depth > 0) {
        depth--;
        if (starts[depth] >= 0) {
          Box box = new Box(starts[depth], open[depth], i);
          boolean holdsAnother =
              !boxes.isEmpty() && boxes.get(boxes.size() - 1).start() > box.start();
          if (!holdsAnother
              && (i - box.from() > 40
                  || !PLACEHOLDERS.contains(content(text, box).toLowerCase(Locale.ROOT)))) {
            boxes.add(box);
          }
        }
      }
      i = Math.max(i, from) + 1;
    }
    return boxes;
  }

  private static int skipSpaces(String text, int from) {
    int i = from;
    while (i < text.length() && text.charAt(i) == ' ') {
      i++;
    }
    return i;
  }
}
