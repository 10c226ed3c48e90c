package polyphony.activities.lm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import polyphony.storage.PolyphonyException;

/**
 * Turns messages into conversations: the chat template says what surrounds a turn, the tokenizer
 * which ids that is.
 */
public final class ChatFormat {
  private final ChatTemplate template;
  private final Tokenizer tokenizer;
  private final List<Integer> endTokens;

  /**
   * @param endTokens ids that end a turn, as in {@link LanguageModel#endTokens}
   */
  public ChatFormat(ChatTemplate template, Tokenizer tokenizer, List<Integer> endTokens) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.endTokens = List.copyOf(endTokens);
  }

  /**
   * A conversation that awaits its first answer.
   *
   * @param messages system and user messages, a user's last
   * @throws PolyphonyException DATA where the template refuses the messages
   */
  public Conversation start(List<Message> messages) {
    if (messages.isEmpty()
        || messages.get(messages.size() - 1).role() != Role.USER
        || messages.stream().anyMatch(each -> each.role() == Role.ASSISTANT)) {
      throw new IllegalArgumentException(
          "a conversation starts with system and user messages, a user's last, not " + messages);
    }
    String prompt = template.render(messages, true);
    requireContent(prompt, messages.get(messages.size() - 1).content());
    return new Conversation(messages, tokenizer.encode(prompt), List.of());
  }

  /** Appends exactly the sampled ids, and their text. */
  public Conversation withAnswer(Conversation conversation, int[] sampledTokens) {
    return conversation.withAnswer(sampledTokens, tokenizer.decode(sampledTokens));
  }

  /**
   * Appends what the template writes between the end of the assistant's turn and the start of the
   * next one. The end token that the template writes is left out where the model has already
   * sampled one; an answer that was cut gets it here, outside its span.
   *
   * @throws PolyphonyException DATA where the template refuses the messages or does not render a
   *     longer conversation as a continuation of the shorter one
   */
  public Conversation withUser(Conversation conversation, String content) {
    if (conversation.awaitsAnswer()) {
      throw new IllegalStateException("the assistant has not answered yet");
    }
    int[] suffix = tokenizer.encode(afterAnswer(conversation.messages(), content));
    boolean repeatsEnd =
        suffix.length > 0 && endTokens.contains(suffix[0]) && endsWithEndToken(conversation);
    return conversation.withUser(
        content, repeatsEnd ? Arrays.copyOfRange(suffix, 1, suffix.length) : suffix);
  }

  private boolean endsWithEndToken(Conversation conversation) {
    Span answer = conversation.assistantSpans().get(conversation.assistantSpans().size() - 1);
    return answer.length() > 0 && endTokens.contains(conversation.tokens()[answer.to() - 1]);
  }

  /**
   * The text from the end of the last answer to the next generation prompt. Answers are rendered as
   * a placeholder: where the last one ends can then be told even from a template that trims
   * answers, and what a model wrote cannot change what surrounds it.
   */
  private String afterAnswer(List<Message> messages, String content) {
    String placeholder = placeholder(messages, content);
    List<Message> rendered = new ArrayList<>();
    for (Message message : messages) {
      rendered.add(message.role() == Role.ASSISTANT ? Message.assistant(placeholder) : message);
    }
    String prompt = template.render(rendered.subList(0, rendered.size() - 1), true);
    rendered.add(Message.user(content));
    String whole = template.render(rendered, true);
    // Where a template writes a space before the answer, the model has sampled its own.
    String rest = whole.startsWith(prompt) ? whole.substring(prompt.length()).stripLeading() : "";
    if (!rest.startsWith(placeholder)) {
      throw PolyphonyException.data(
          "the chat template does not render a longer conversation as a continuation of the"
              + " shorter one, so that it cannot be used for debates; give another template");
    }
    String after = rest.substring(placeholder.length());
    requireContent(after, content);
    return after;
  }

  /** A feature that the template engine does not know can leave a hole without an error. */
  private static void requireContent(String rendered, String content) {
    if (!rendered.contains(content.strip())) {
      throw PolyphonyException.data(
          "the chat template loses or rewrites the user's message; give another template");
    }
  }

  private static String placeholder(List<Message> messages, String content) {
    String placeholder = "answer";
    while (content.contains(placeholder) || anyContains(messages, placeholder)) {
      placeholder += "0";
    }
    return placeholder;
  }

  private static boolean anyContains(List<Message> messages, String text) {
    return messages.stream()
        .anyMatch(each -> each.role() != Role.ASSISTANT && each.content().contains(text));
  }
}
