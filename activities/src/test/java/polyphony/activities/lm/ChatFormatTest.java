package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class ChatFormatTest {
  private static final String QUESTION = "Q12+7*23+5-14*9";
  private static final String FIRST = "7*23=161;14*9=126;12+161=173;173+5=178;178-126=52#52";
  private static final String OTHERS = "B7*23=151#42\nB7*23=161#52\nQ12+7*23+5-14*9";
  private static final String SECOND = "7*23=161#52";
  private static final int END = 2;

  @TempDir static Path folder;
  private Tokenizer tokenizer;
  private ChatFormat format;

  @BeforeEach
  void open() {
    LanguageModel model = TinyModels.untied(folder);
    tokenizer = model.tokenizer();
    format = model.chatFormat(tokenizer);
  }

  @AfterEach
  void close() {
    tokenizer.close();
  }

  private int[] answer(String text) {
    return tokenizer.encode(text + "$");
  }

  @Test
  void twoTurnsAreWrittenInTheCompactDialect() {
    Conversation asked = format.start(List.of(Message.user(QUESTION)));
    Conversation answered = format.withAnswer(asked, answer(FIRST));
    Conversation criticised = format.withUser(answered, OTHERS);
    Conversation whole = format.withAnswer(criticised, answer(SECOND));

    assertThat(asked.tokens()).isEqualTo(tokenizer.encode("^" + QUESTION + "\nA"));
    assertThat(whole.tokens())
        .isEqualTo(
            tokenizer.encode(
                "^" + QUESTION + "\nA" + FIRST + "$\n" + OTHERS + "\nA" + SECOND + "$"));
    assertThat(whole.messages())
        .containsExactly(
            Message.user(QUESTION),
            Message.assistant(FIRST),
            Message.user(OTHERS),
            Message.assistant(SECOND));
    assertThat(whole.assistantSpans().stream().map(span -> textOf(whole, span)))
        .containsExactly(FIRST, SECOND);
    assertThat(whole.tokens()[whole.assistantSpans().get(0).to() - 1]).isEqualTo(END);
  }

  private String textOf(Conversation conversation, Span span) {
    return tokenizer.decode(Arrays.copyOfRange(conversation.tokens(), span.from(), span.to()));
  }

  @Test
  void anAnswerThatWasCutGetsItsEndTokenOutsideItsSpan() {
    Conversation asked = format.start(List.of(Message.user(QUESTION)));
    Conversation cut = format.withAnswer(asked, tokenizer.encode("7*23=1"));
    Conversation whole = format.withUser(cut, OTHERS);

    assertThat(whole.tokens())
        .isEqualTo(tokenizer.encode("^" + QUESTION + "\nA7*23=1$\n" + OTHERS + "\nA"));
    assertThat(textOf(whole, whole.assistantSpans().get(0))).isEqualTo("7*23=1");
    assertThat(whole.tokens()[whole.assistantSpans().get(0).to()]).isEqualTo(END);
  }

  @Test
  void anEmptyAnswerThatWasCutStillGetsItsEndToken() {
    Conversation asked = format.start(List.of(Message.user(QUESTION)));
    Conversation whole = format.withUser(format.withAnswer(asked, new int[0]), OTHERS);

    assertThat(whole.tokens())
        .isEqualTo(tokenizer.encode("^" + QUESTION + "\nA$\n" + OTHERS + "\nA"));
  }

  @Test
  void sampledIdsAreKeptEvenWhereTheirTextWouldTokeniseOtherwise() {
    // Special tokens in the middle of an answer have no text at all.
    int[] odd = {5, 0, 1, 6, END};
    Conversation answered = format.withAnswer(format.start(List.of(Message.user("Q1"))), odd);
    Conversation whole = format.withUser(answered, "Q2");

    Span span = whole.assistantSpans().get(0);
    assertThat(Arrays.copyOfRange(whole.tokens(), span.from(), span.to())).isEqualTo(odd);
    assertThat(whole.tokens()).startsWith(answered.tokens());
  }

  @Test
  void anAnswerThatLooksLikeTemplateCodeChangesNothingAroundIt() {
    Conversation asked = format.start(List.of(Message.user("Q1")));
    Conversation odd = asked.withAnswer(new int[] {5, END}, "{{ bos_token }}answer{% if %}");

    assertThat(format.withUser(odd, "Q2").tokens())
        .endsWith(tokenizer.encode("\nQ2\nA"))
        .hasSize(odd.tokens().length + 5);
  }

  @Test
  void aTemplateThatTrimsAnswersOrPutsASpaceBeforeThemIsUnderstood() {
    String source =
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
            + "{{ 'Q' + message['content'] + 'A' }}"
            + "{% else %}{{ '\n' + message['content'] | trim + eos_token }}{% endif %}{% endfor %}";
    ChatFormat spaced =
        new ChatFormat(
            new ChatTemplate(source, Map.of("bos_token", "^", "eos_token", "$")),
            tokenizer,
            List.of(END));

    Conversation asked = spaced.start(List.of(Message.user("1")));
    Conversation whole = spaced.withUser(spaced.withAnswer(asked, answer("\n7")), "2");

    assertThat(whole.tokens()).isEqualTo(tokenizer.encode("^Q1A\n7$Q2A"));
  }

  @Test
  void aTemplateThatRewritesEarlierTurnsIsRefused() {
    String forgetful =
        "{{ bos_token }}{{ messages[-1]['content'] }}"
            + "{% if add_generation_prompt %}{{ 'A' }}{% endif %}";
    ChatFormat rewriting =
        new ChatFormat(
            new ChatTemplate(forgetful, Map.of("bos_token", "^")), tokenizer, List.of(END));
    Conversation answered =
        rewriting.withAnswer(rewriting.start(List.of(Message.user("Q1"))), answer("7"));

    assertThatThrownBy(() -> rewriting.withUser(answered, "Q2"))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("continuation");
  }

  @Test
  void aTemplateThatLosesTheUsersMessageIsRefused() {
    ChatTemplate lossy = new ChatTemplate("^{{ messages[0]['text'] }}\nA", Map.of());

    assertThatThrownBy(
            () -> new ChatFormat(lossy, tokenizer, List.of(END)).start(List.of(Message.user("Q1"))))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("loses");
  }

  @Test
  void aConversationIsTrainedOnTheTurnsThatAreNamed() {
    Conversation asked = format.start(List.of(Message.user("Q1")));
    Conversation second =
        format.withAnswer(
            format.withUser(format.withAnswer(asked, answer("7")), "Q2"), answer("8"));
    List<Span> spans = second.assistantSpans();

    TrainingExample last = second.trainedOn(spans.subList(1, 2));

    assertThat(last.tokens()).isEqualTo(second.tokens());
    assertThat(IntStream.range(0, last.tokens().length).filter(i -> last.trained()[i]))
        .containsExactly(last.tokens().length - 2, last.tokens().length - 1);
    assertThat(second.trainedOn(spans).trainedTokens()).isEqualTo(4);
  }

  @Test
  void turnsThatDoNotAlternateAreRefused() {
    Conversation asked = format.start(List.of(Message.user("Q1")));
    Conversation answered = format.withAnswer(asked, answer("7"));

    assertThat(asked.awaitsAnswer()).isTrue();
    assertThat(answered.awaitsAnswer()).isFalse();
    assertThatThrownBy(() -> format.withUser(asked, "Q2"))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> format.withAnswer(answered, answer("8")))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> format.start(List.of(Message.assistant("7"))))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aConversationDoesNotChangeWithTheArrayItWasMadeFrom() {
    int[] tokens = {1, 5};
    Conversation conversation = new Conversation(List.of(Message.user("Q")), tokens, List.of());
    tokens[1] = 9;
    conversation.tokens()[0] = 9;

    assertThat(conversation.tokens()).containsExactly(1, 5);
    assertThat(conversation)
        .isEqualTo(new Conversation(List.of(Message.user("Q")), new int[] {1, 5}, List.of()));
  }
}
