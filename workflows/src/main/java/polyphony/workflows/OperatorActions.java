package polyphony.workflows;

/** What an operator may ask of a running experiment: the names of its updates. */
public final class OperatorActions {
  public static final String PAUSE = "pause";
  public static final String RESUME = "resume";
  public static final String STOP_AFTER_ITERATION = "stop-after-iteration";
  public static final String EXTEND = "extend";
  public static final String RETRY = "retry";
  public static final String SKIP = "skip";
  public static final String RECOMPUTE = "recompute";
  public static final String ABORT = "abort";

  private OperatorActions() {}
}
