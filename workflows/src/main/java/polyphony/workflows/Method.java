package polyphony.workflows;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A method of the paper as settings of the one pipeline.
 *
 * @param name as in specs
 * @param trains which models are finetuned
 * @param labels whose word counts as right on finetuning questions
 * @param finetuning how finetuning questions are answered
 * @param evaluation how evaluation questions are answered
 * @param style how agents are asked to deal with one another
 * @param summaries whether this method fixes the use of summaries; null: the spec decides
 * @param filtered whether models are finetuned on the answers that agree with the label; otherwise,
 *     as a control, on as many of any answers
 * @param temperature that this method fixes; null: the spec decides
 */
public record Method(
    String name,
    Trains trains,
    Labels labels,
    Answering finetuning,
    Answering evaluation,
    Style style,
    Boolean summaries,
    boolean filtered,
    Double temperature) {
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

  /** Whose word counts as right on finetuning questions. */
  public enum Labels {
    /** The majority's. */
    VOTE,
    /**
     * That of the question set, as in STaR: a wrong answer is given again with the true one as a
     * hint, and is kept, without the hint, if it is right then.
     */
    TRUTH
  }

  /** How questions are answered. */
  public enum Answering {
    /** One agent, once. */
    ONE_SAMPLE,
    /** Every agent once, then the vote. */
    SAMPLES,
    /** Every agent in every round, then the vote. */
    DEBATE;

    boolean votes() {
      return this != ONE_SAMPLE;
    }

    boolean debates() {
      return this == DEBATE;
    }
  }

  /** How agents are asked to deal with one another. */
  public enum Style {
    /** They examine the others' answers as advice. */
    CONTEST,
    /** They integrate the others' answers. */
    COOPERATE,
    /** They examine them, and each is told its number and its part in the debate. */
    UNIQUE_ID
  }

  private static final Map<String, Method> METHODS = new TreeMap<>();

  static {
    for (Method method :
        List.of(
            untuned("base", Answering.ONE_SAMPLE, Style.CONTEST),
            untuned("majority", Answering.SAMPLES, Style.CONTEST),
            untuned("debate", Answering.DEBATE, Style.CONTEST),
            untuned("cooperative", Answering.DEBATE, Style.COOPERATE),
            untuned("unique-id", Answering.DEBATE, Style.UNIQUE_ID),
            multiagent("multiagent-ft", Style.CONTEST, null, true),
            multiagent("multiagent-ft-no-summary", Style.CONTEST, false, true),
            multiagent("multiagent-ft-unfiltered", Style.CONTEST, null, false),
            multiagent("cooperative-ft", Style.COOPERATE, null, true),
            new Method(
                "multiagent-ft-no-critic",
                Trains.GENERATORS,
                Labels.VOTE,
                Answering.DEBATE,
                Answering.DEBATE,
                Style.CONTEST,
                null,
                true,
                null),
            oneModel("single-agent-ft", Answering.DEBATE, Answering.DEBATE, null),
            oneModel("single-agent-ft-no-debate", Answering.DEBATE, Answering.ONE_SAMPLE, null),
            oneModel("single-agent-ft-t2", Answering.DEBATE, Answering.DEBATE, 2.0),
            oneModel("majority-ft", Answering.SAMPLES, Answering.SAMPLES, null),
            new Method(
                "star",
                Trains.ONE_MODEL,
                Labels.TRUTH,
                Answering.ONE_SAMPLE,
                Answering.ONE_SAMPLE,
                Style.CONTEST,
                null,
                true,
                null))) {
      METHODS.put(method.name(), method);
    }
  }

  private static Method untuned(String name, Answering evaluation, Style style) {
    return new Method(
        name, Trains.NOTHING, Labels.VOTE, evaluation, evaluation, style, null, true, null);
  }

  private static Method multiagent(String name, Style style, Boolean summaries, boolean filtered) {
    return new Method(
        name,
        Trains.GENERATORS_AND_CRITICS,
        Labels.VOTE,
        Answering.DEBATE,
        Answering.DEBATE,
        style,
        summaries,
        filtered,
        null);
  }

  private static Method oneModel(
      String name, Answering finetuning, Answering evaluation, Double temperature) {
    return new Method(
        name,
        Trains.ONE_MODEL,
        Labels.VOTE,
        finetuning,
        evaluation,
        Style.CONTEST,
        null,
        true,
        temperature);
  }

  /** All names, sorted. */
  public static List<String> names() {
    return List.copyOf(METHODS.keySet());
  }

  /** The method of that name, or null. */
  public static Method named(String name) {
    return METHODS.get(name);
  }

  /** How questions of one kind are answered. */
  Answering answering(Purpose purpose) {
    return switch (purpose) {
      case FINETUNE -> finetuning;
      case EVALUATE -> evaluation;
    };
  }

  /** Whether there is ever more than one agent. */
  public boolean votes() {
    return finetuning.votes() || evaluation.votes();
  }

  /** Whether there are ever rounds after the first. */
  public boolean debates() {
    return finetuning.debates() || evaluation.debates();
  }

  /** Whether every iteration starts from the base model, whatever the spec says. */
  boolean restarts() {
    return labels == Labels.TRUTH;
  }
}
