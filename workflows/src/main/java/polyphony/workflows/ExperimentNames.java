package polyphony.workflows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/** What experiments and their iterations are called; these names are also their workflows' ids. */
public final class ExperimentNames {
  /** What a name may be, for messages. */
  public static final String ALLOWED =
      "1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit";

  /** Leaves room for the longest method and seed; the hash covers the whole name. */
  private static final int SHOWN_OF_TASK = 40;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  private static final Pattern PILOT = Pattern.compile("pilot-[0-9a-f]{8}");

  /** Whether something may be called this. */
  public static boolean isValid(String name) {
    return NAME.matcher(name).matches();
  }

  /**
   * The name of an experiment that was given none: {@code method-task-seedS-} and 8 hexadecimal
   * digits of a hash over the spec without its name and iterations, so that asking for more
   * iterations extends the same experiment.
   *
   * @param complete a complete spec
   */
  public static String derive(ExperimentSpec complete) {
    ObjectNode identity = PolyphonyDataConverter.toTree(complete);
    identity.remove("experiment");
    identity.remove("iterations");
    String task = complete.task().name();
    return String.join(
        "-",
        complete.method(),
        task.substring(0, Math.min(task.length(), SHOWN_OF_TASK)),
        "seed" + complete.seed(),
        hash(identity));
  }

  /**
   * The name of a small experiment that is run to measure how long a larger one will take.
   *
   * @param complete the small one's spec
   */
  public static String pilot(ExperimentSpec complete) {
    String derived = derive(complete);
    return "pilot" + derived.substring(derived.lastIndexOf('-'));
  }

  /** Whether {@link #pilot} made this name; nobody is told of such an experiment. */
  public static boolean isPilot(String name) {
    return PILOT.matcher(name).matches();
  }

  /** The workflow id of one iteration, such as {@code my-experiment/iteration-003}. */
  public static String iteration(String experiment, int iteration) {
    return String.format(Locale.ROOT, "%s/iteration-%03d", experiment, iteration);
  }

  /** The experiment that a workflow belongs to, as itself or as an iteration. */
  public static String experiment(String workflowId) {
    int slash = workflowId.indexOf('/');
    return slash < 0 ? workflowId : workflowId.substring(0, slash);
  }

  /** The number of the iteration whose workflow id this is. */
  public static int iteration(String workflowId) {
    return Integer.parseInt(workflowId.substring(workflowId.lastIndexOf('-') + 1));
  }

  /**
   * The name of a comparison that was given none: {@code comparison-} and 8 hexadecimal digits of a
   * hash over its spec.
   */
  public static String derive(ComparisonSpec spec) {
    ObjectNode identity = PolyphonyDataConverter.toTree(spec);
    identity.remove("comparison");
    return "comparison-" + hash(identity);
  }

  private static String hash(ObjectNode identity) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(PolyphonyDataConverter.write(identity).getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 4);
    } catch (NoSuchAlgorithmException | JsonProcessingException e) {
      throw new IllegalStateException("every Java platform has SHA-256 and writes JSON trees", e);
    }
  }

  private ExperimentNames() {}
}
