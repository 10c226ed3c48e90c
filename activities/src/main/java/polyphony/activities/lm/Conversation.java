package polyphony.activities.lm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A conversation with a model, as text and as the very tokens that the model read and wrote. Only
 * ever appended to, by {@link #withAnswer} and {@link ChatFormat#withUser}: an answer's tokens are
 * those that were sampled, and nothing is rendered or tokenised a second time. So training on them
 * sees what sampling saw.
 *
 * @param messages the turns, users' and the assistant's
 * @param tokens all of it; after a user's turn it ends with the generation prompt, so that sampling
 *     can go on from here
 * @param assistantSpans where each assistant turn lies in {@code tokens}, its end token included if
 *     it has one
 */
public record Conversation(List<Message> messages, int[] tokens, List<Span> assistantSpans) {
  public Conversation {
    messages = List.copyOf(messages);
    tokens = tokens.clone();
    assistantSpans = List.copyOf(assistantSpans);
    long answers = messages.stream().filter(each -> each.role() == Role.ASSISTANT).count();
    if (answers != assistantSpans.size()) {
      throw new IllegalArgumentException(
          answers + " assistant messages, but " + assistantSpans.size() + " spans");
    }
    int end = 0;
    for (Span span : assistantSpans) {
      if (span.from() < end || span.to() > tokens.length) {
        throw new IllegalArgumentException(
            span + " overlaps another or ends after " + tokens.length + " tokens");
      }
      end = span.to();
    }
  }

  @Override
  public int[] tokens() {
    return tokens.clone();
  }

  /** Whether the last turn is a user's, so that the model is to speak. */
  public boolean awaitsAnswer() {
    return !messages.isEmpty() && messages.get(messages.size() - 1).role() != Role.ASSISTANT;
  }

  /**
   * Appends the model's turn.
   *
   * @param sampledTokens exactly as sampled, the end token included if there was one
   * @param text what they decode to
   */
  public Conversation withAnswer(int[] sampledTokens, String text) {
    if (!awaitsAnswer()) {
      throw new IllegalStateException("the assistant has already answered");
    }
    int[] all = Arrays.copyOf(tokens, tokens.length + sampledTokens.length);
    System.arraycopy(sampledTokens, 0, all, tokens.length, sampledTokens.length);
    return new Conversation(
        append(messages, Message.assistant(text)),
        all,
        append(assistantSpans, new Span(tokens.length, all.length)));
  }

  /** Appends a user's turn together with what surrounds it in tokens. */
  Conversation withUser(String content, int[] surroundedTokens) {
    int[] all = Arrays.copyOf(tokens, tokens.length + surroundedTokens.length);
    System.arraycopy(surroundedTokens, 0, all, tokens.length, surroundedTokens.length);
    return new Conversation(append(messages, Message.user(content)), all, assistantSpans);
  }

  /**
   * This conversation as a text to train on, in which the tokens of {@code turns} count in the
   * loss.
   *
   * @param turns some of {@link #assistantSpans}
   */
  public TrainingExample trainedOn(List<Span> turns) {
    boolean[] trained = new boolean[tokens.length];
    for (Span turn : turns) {
      if (!assistantSpans.contains(turn)) {
        throw new IllegalArgumentException(turn + " is not an assistant turn");
      }
      Arrays.fill(trained, turn.from(), turn.to(), true);
    }
    return new TrainingExample(tokens(), trained);
  }

  private static <T> List<T> append(List<T> list, T element) {
    List<T> longer = new ArrayList<>(list);
    longer.add(element);
    return longer;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Conversation that
        && messages.equals(that.messages)
        && Arrays.equals(tokens, that.tokens)
        && assistantSpans.equals(that.assistantSpans);
  }

  @Override
  public int hashCode() {
    return 31 * messages.hashCode() + Arrays.hashCode(tokens);
  }

  @Override
  public String toString() {
    return "Conversation[" + messages + ", " + tokens.length + " tokens, " + assistantSpans + "]";
  }
}
