package polyphony.workflows;

import java.util.List;

/**
 * What the Web UI shows of a running workflow: Markdown bullets, no tables. It travels in a URL, so
 * what does not fit 2 KB is left out, the least important first.
 */
final class CurrentDetails {
  private static final int MOST_BYTES = 2000;
  private static final int MOST_PARKED = 3;
  private static final int LONGEST_MESSAGE = 250;

  private final StringBuilder text = new StringBuilder();

  /** What comes first matters most. */
  CurrentDetails bullet(String line) {
    add(text.length(), line);
    return this;
  }

  /** As many of these as there is room for; of those, the last ones, in their order. */
  CurrentDetails newest(List<String> lines) {
    int end = text.length();
    for (int i = lines.size() - 1; i >= 0; i--) {
      if (!add(end, lines.get(i))) {
        break;
      }
    }
    return this;
  }

  /** What an operator has done and what is to be done. */
  CurrentDetails attention(boolean paused, List<ParkedStep> parked) {
    if (paused) {
      bullet("paused by an operator: running steps commit and stop; `resume` goes on");
    }
    for (ParkedStep each : parked.subList(0, Math.min(MOST_PARKED, parked.size()))) {
      bullet("**" + each.step() + "** failed (" + each.type() + "): " + shortened(each.message()));
      bullet(
          "mend that, then `retry`"
              + (each.canBeSkipped() ? "; or `skip`: " + each.skip() : "")
              + "; or `abort`, which keeps all that is done");
    }
    if (parked.size() > MOST_PARKED) {
      bullet((parked.size() - MOST_PARKED) + " more steps need attention");
    }
    return this;
  }

  @Override
  public String toString() {
    return text.toString();
  }

  /** Inserts a bullet, unless there is no room for it. */
  private boolean add(int position, String line) {
    String bullet = (position == 0 ? "- " : "\n- ") + line;
    if (bytes(text) + bytes(bullet) > MOST_BYTES) {
      return false;
    }
    text.insert(position, bullet);
    return true;
  }

  private static String shortened(String message) {
    return message.length() <= LONGEST_MESSAGE
        ? message
        : message.substring(0, LONGEST_MESSAGE - 1) + "…";
  }

  /** In UTF-8, at most. */
  private static int bytes(CharSequence characters) {
    return characters.chars().map(each -> each < 0x80 ? 1 : each < 0x800 ? 2 : 3).sum();
  }
}
