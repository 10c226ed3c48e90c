package polyphony.workflows;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A method of the paper as settings of the one pipeline.
 *
 * @param name as in specs
 * @param trains which models are finetuned
 * @param votes whether several agents answer and vote; otherwise one agent answers once
 * @param debates whether there are rounds after the first
 * @param summaries whether this method fixes the use of summaries; null: the spec decides
 * @param filtered whether models are finetuned on the answers that agree with the vote; otherwise,
 *     as a control, on as many of any answers
 */
public record Method(
    String name,
    Trains trains,
    boolean votes,
    boolean debates,
    Boolean summaries,
    boolean filtered) {
  /** Which models are finetuned. */
  public enum Trains {
    /** None: the base model plays every part. */
    NOTHING,
    /** Every agent's generator and critic, each on its own data. */
    GENERATORS_AND_CRITICS,
    /** Every agent's generator, which also speaks in later rounds. */
    GENERATORS,
    /** One model on the union of all agents' matching first answers; it plays every part. */
    ONE_MODEL
  }

  private static final Map<String, Method> METHODS = new TreeMap<>();

  static {
    for (Method method :
        List.of(
            new Method("base", Trains.NOTHING, false, false, null, true),
            new Method("majority", Trains.NOTHING, true, false, null, true),
            new Method("debate", Trains.NOTHING, true, true, null, true),
            new Method("single-agent-ft", Trains.ONE_MODEL, true, true, null, true),
            new Method("multiagent-ft", Trains.GENERATORS_AND_CRITICS, true, true, null, true),
            new Method(
                "multiagent-ft-no-summary", Trains.GENERATORS_AND_CRITICS, true, true, false, true),
            new Method("multiagent-ft-no-critic", Trains.GENERATORS, true, true, null, true),
            new Method(
                "multiagent-ft-unfiltered",
                Trains.GENERATORS_AND_CRITICS,
                true,
                true,
                null,
                false))) {
      METHODS.put(method.name(), method);
    }
  }

  /** All names, sorted. */
  public static List<String> names() {
    return List.copyOf(METHODS.keySet());
  }

  /** The method of that name, or null. */
  public static Method named(String name) {
    return METHODS.get(name);
  }
}
