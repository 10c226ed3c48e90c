package polyphony.activities.evaluate;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.debate.Answer;
import polyphony.activities.lm.ChatTemplate;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Message;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Tokenizer;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * A model that takes no part in the debate and says how likely answers are: {@code
 * likelihoodModel}. It reads the conversation in its own chat template and tokens; where it has no
 * template, as the messages one after another, a line break after each. What counts is the text of
 * the answer, tokenised for itself, without an end of turn.
 */
final class OutsideJudge implements AutoCloseable {
  /**
   * @param negativeLogLikelihood sum over the answer's tokens, in nats
   * @param tokens of the answer, as this model has them
   */
  record Likelihood(double negativeLogLikelihood, int tokens) {
    static final Likelihood NOTHING = new Likelihood(0, 0);
  }

  private final String name;
  private final LanguageModel model;
  private final LanguageModelRuntime runtime;
  private final Optional<ChatTemplate> template;
  private final Tokenizer tokenizer;
  private Scorer scorer;

  /**
   * @param name that the spec calls it by
   * @throws PolyphonyException DATA where its tokenizer or chat template is broken
   */
  OutsideJudge(String name, LanguageModel model, LanguageModelRuntime runtime) {
    this.name = name;
    this.model = model;
    this.runtime = runtime;
    this.template = ChatTemplate.find(model.folder());
    this.tokenizer = model.tokenizer();
  }

  /**
   * The answers as this model reads them.
   *
   * @throws PolyphonyException CONFIG where it cannot read one, or its conversation
   */
  List<Scorer.Text> texts(List<Answer> answers) {
    return answers.stream().map(this::text).toList();
  }

  MemoryPlan plan(List<Scorer.Text> texts) {
    return Portions.plan(runtime.arithmetic(), model, 1, List.of(), scored(texts), 1);
  }

  private static List<Scorer.Text> scored(List<Scorer.Text> texts) {
    return texts.stream().filter(each -> each.from() < each.tokens().length).toList();
  }

  /**
   * By text.
   *
   * @throws PolyphonyException OUT_OF_MEMORY
   */
  List<Likelihood> likelihoods(List<Scorer.Text> texts) {
    List<Scorer.Text> scored = scored(texts);
    List<Likelihood> found = new ArrayList<>();
    for (List<Scorer.Text> portion : Portions.of(scored, model.config().vocabularySize(), 1)) {
      for (Scorer.Scores scores : scorer(texts).score(portion)) {
        double sum = 0;
        for (float each : scores.logLikelihoods()) {
          sum -= each;
        }
        if (!Double.isFinite(sum)) {
          throw PolyphonyException.data(
              "likelihoodModel " + name + " gives no finite probabilities; import another model");
        }
        found.add(new Likelihood(sum, scores.logLikelihoods().length));
      }
    }
    List<Likelihood> all = new ArrayList<>();
    int next = 0;
    for (Scorer.Text text : texts) {
      all.add(text.from() < text.tokens().length ? found.get(next++) : Likelihood.NOTHING);
    }
    return all;
  }

  private Scorer.Text text(Answer answer) {
    List<String> contents = answer.messages();
    List<Message> before = new ArrayList<>();
    for (int i = 0; i < contents.size() - 1; i++) {
      String content = contents.get(i);
      before.add(i % 2 == 0 ? Message.user(content) : Message.assistant(content));
    }
    int[] context;
    int[] own;
    try {
      context =
          template
              .map(each -> tokenizer.encode(each.render(before, true)))
              .orElseGet(
                  () ->
                      tokenizer.encodeText(
                          String.join(
                              "", before.stream().map(each -> each.content() + "\n").toList())));
      own = tokenizer.encode(answer.text());
    } catch (PolyphonyException e) {
      throw new PolyphonyException(
          ErrorClass.CONFIG,
          "likelihoodModel "
              + name
              + " cannot read the answer to "
              + answer.question()
              + " ("
              + e.getMessage()
              + "); name another model",
          e);
    }
    if (context.length == 0) {
      throw PolyphonyException.config(
          "likelihoodModel "
              + name
              + " has no token for what precedes the answer to "
              + answer.question()
              + "; name another model");
    }
    int length = context.length + own.length;
    if (length > model.config().maxPositions()) {
      throw PolyphonyException.config(
          "likelihoodModel "
              + name
              + " has a context of "
              + model.config().maxPositions()
              + " tokens; the conversation that ends with the answer to "
              + answer.question()
              + " has "
              + length
              + ": name a model with a longer context, or lower sampling.maxNewTokens");
    }
    int[] tokens = new int[length];
    System.arraycopy(context, 0, tokens, 0, context.length);
    System.arraycopy(own, 0, tokens, context.length, own.length);
    return new Scorer.Text(tokens, context.length);
  }

  private Scorer scorer(List<Scorer.Text> texts) {
    if (scorer == null) {
      runtime.requireRoom(plan(texts));
      scorer = runtime.scorer(model);
    }
    return scorer;
  }

  /** Gives its memory back until it is needed again. */
  void release() {
    if (scorer != null) {
      scorer.close();
      scorer = null;
    }
  }

  @Override
  public void close() {
    try {
      release();
    } finally {
      tokenizer.close();
    }
  }
}
