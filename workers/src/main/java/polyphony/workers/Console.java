package polyphony.workers;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import picocli.CommandLine.Help.Ansi;

/**
 * What a command talks to.
 *
 * @param in standard input
 * @param out results, and nothing else
 * @param err progress and failures
 * @param environment the process's variables
 * @param terminal whether {@code err} is a terminal, on which a line can be updated in place
 * @param columns width of that terminal
 * @param outTerminal whether {@code out} is a terminal
 */
public record Console(
    InputStream in,
    PrintStream out,
    PrintStream err,
    Map<String, String> environment,
    boolean terminal,
    int columns,
    boolean outTerminal) {

  public Console {
    environment = Map.copyOf(environment);
  }

  /** One whose results go into a file or to another program. */
  public Console(
      InputStream in,
      PrintStream out,
      PrintStream err,
      Map<String, String> environment,
      boolean terminal,
      int columns) {
    this(in, out, err, environment, terminal, columns, false);
  }

  /** This process's own streams. The launcher says which of them are terminals. */
  public static Console ofProcess() {
    boolean dumb = "dumb".equals(System.getenv("TERM"));
    return new Console(
        System.in,
        new PrintStream(System.out, true, StandardCharsets.UTF_8),
        new PrintStream(System.err, true, StandardCharsets.UTF_8),
        System.getenv(),
        Boolean.getBoolean("polyphony.terminal") && !dumb,
        Integer.getInteger("polyphony.columns", 100),
        Boolean.getBoolean("polyphony.out-terminal") && !dumb);
  }

  /** Whether {@code out} is coloured. */
  Ansi outColours() {
    return colours(outTerminal);
  }

  /** Whether {@code err} is coloured. */
  Ansi errColours() {
    return colours(terminal);
  }

  private Ansi colours(boolean shown) {
    return shown && environment.getOrDefault("NO_COLOR", "").isEmpty() ? Ansi.ON : Ansi.OFF;
  }
}
