package polyphony.workers;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * What a command talks to.
 *
 * @param in standard input
 * @param out results, and nothing else
 * @param err progress and failures
 * @param environment the process's variables
 * @param terminal whether {@code err} is a terminal, on which a line can be updated in place
 * @param columns width of that terminal
 */
public record Console(
    InputStream in,
    PrintStream out,
    PrintStream err,
    Map<String, String> environment,
    boolean terminal,
    int columns) {

  public Console {
    environment = Map.copyOf(environment);
  }

  /** This process's own streams. The launcher says whether standard error is a terminal. */
  public static Console ofProcess() {
    return new Console(
        System.in,
        new PrintStream(System.out, true, StandardCharsets.UTF_8),
        new PrintStream(System.err, true, StandardCharsets.UTF_8),
        System.getenv(),
        Boolean.getBoolean("polyphony.terminal"),
        Integer.getInteger("polyphony.columns", 100));
  }
}
