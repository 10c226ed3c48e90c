package polyphony.activities.grading;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers in prose. */
final class Numbers {
  // Possessive, and anchored to what stands before: no hostile text makes the matcher go back.
  private static final Pattern NUMBER =
      Pattern.compile(
          "(?<![A-Za-z0-9._\\\\])(?<![0-9]/)(?:(?<![0-9)\\]}])[-\u2212\u2013])?+(?:\\\\\\$|[$€£¥])?+"
              + "(?:(?<digits>[0-9]{1,3}+(?:(?:,|\\{,\\}|,?\\\\[!,]\\s?)[0-9]{3})++(?![0-9])(?:\\.[0-9]++)?+"
              + "|[0-9]{1,3}+(?: [0-9]{3})++(?![0-9])(?:,[0-9]{1,2}(?![0-9,]))?+"
              + "|[0-9]{1,3}+(?:\\.[0-9]{3})++,[0-9]{1,2}(?![0-9])"
              + "|[0-9]++,[0-9]{1,2}(?![0-9]|,[0-9]|\\.[0-9])|[0-9]++(?:\\.[0-9]++)?+|\\.[0-9]++)"
              + "(?:\\s?+/\\s?+[0-9]++(?![0-9]|\\.[0-9]))?+|\\\\[dt]?+frac\\{[^{}]{1,40}+\\}\\{[^{}]{1,40}+\\})"
              + "(?:\\s?+\\\\?+%)?+");

  private Numbers() {}

  static Optional<String> first(String text) {
    Matcher matcher = NUMBER.matcher(text);
    return matcher.find() ? Optional.of(plain(matcher.group())) : Optional.empty();
  }

  static Optional<String> last(String text) {
    int at = lastAt(text);
    if (at < 0) {
      return Optional.empty();
    }
    Matcher matcher = NUMBER.matcher(text);
    return matcher.find(at) ? Optional.of(plain(matcher.group())) : Optional.empty();
  }

  /** Where the last number starts; -1 where there is none. */
  static int lastAt(String text) {
    Matcher matcher = NUMBER.matcher(text);
    int at = -1;
    while (matcher.find()) {
      at = matcher.start();
    }
    return at;
  }

  /** Whether exactly one number stands in the text. */
  static boolean one(String text) {
    Matcher matcher = NUMBER.matcher(text);
    return matcher.find() && !matcher.find();
  }

  /** Without separators and currency. */
  private static String plain(String number) {
    return number
        .replaceAll("[$€£¥\\s]|\\\\[!,]|\\{,\\}", "")
        .replace("\\%", "%")
        .replace("\\frac", "\\frac")
        .replaceAll("(?<=[0-9]),(?=[0-9]{3})|(?<=[0-9])\\.(?=[0-9.]*+,)", "")
        .replaceAll("(?<=[0-9]),(?=[0-9])", ".")
        .replace('\u2212', '-')
        .replace('\u2013', '-')
        .replaceAll("^\\\\(?!d?t?frac)", "");
  }
}
