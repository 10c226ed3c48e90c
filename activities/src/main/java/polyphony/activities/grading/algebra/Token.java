package polyphony.activities.grading.algebra;

/**
 * @param text of a command its name without the backslash
 * @param spaced whether white space stood before it
 */
record Token(Kind kind, String text, boolean spaced) {
  enum Kind {
    NUMBER,
    LETTER,
    COMMAND,
    /** A single character. */
    SIGN,
    WORDS,
    /** Between answers that stand side by side. */
    SEPARATOR,
    BEGIN,
    END
  }

  boolean is(Kind other, String value) {
    return kind == other && text.equals(value);
  }

  boolean sign(String value) {
    return is(Kind.SIGN, value);
  }

  boolean command(String value) {
    return is(Kind.COMMAND, value);
  }
}
