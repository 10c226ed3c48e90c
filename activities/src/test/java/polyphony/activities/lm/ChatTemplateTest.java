package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class ChatTemplateTest {
  private static final Map<String, String> TOKENS = Map.of("bos_token", "<s>", "eos_token", "</s>");

  /** A text of a million characters. */
  private static final String DOUBLED =
      "{% set ns = namespace(x='x') %}{% for a in range(20) %}{% set ns.x = ns.x + ns.x %}"
          + "{% endfor %}{% set x = ns.x %}";

  private static final List<Message> HELLO = List.of(Message.user("Hello"));

  @TempDir Path folder;

  /** The expected texts were produced by transformers 5.23.0 with Jinja2 3.1.6. */
  @TestFactory
  Stream<DynamicTest> rendersAsTransformersDoes() throws IOException {
    JsonNode vectors;
    try (InputStream in = ChatTemplateTest.class.getResourceAsStream("chat_templates.json")) {
      vectors = new ObjectMapper().readTree(in);
    }
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode vector : vectors) {
      List<Message> messages = new ArrayList<>();
      for (JsonNode message : vector.path("messages")) {
        messages.add(
            new Message(
                Role.valueOf(message.path("role").asText().toUpperCase(Locale.ROOT)),
                message.path("content").asText()));
      }
      boolean prompt = vector.path("add_generation_prompt").asBoolean();
      String name = vector.path("name").asText() + ", " + messages.size() + " messages, " + prompt;
      ChatTemplate template = new ChatTemplate(vector.path("source").asText(), TOKENS);
      tests.add(
          DynamicTest.dynamicTest(
              name,
              () ->
                  assertThat(template.render(messages, prompt))
                      .isEqualTo(vector.path("rendered").asText())));
    }
    assertThat(tests).hasSizeGreaterThan(60);
    return tests.stream();
  }

  @Test
  void whatATemplateRaisesIsSaidInTheError() {
    assertRefused("{{ raise_exception('only users speak here') }}")
        .hasMessageContaining("only users speak here")
        .hasMessageNotContaining("\n");
  }

  @Test
  void aTemplateWithASyntaxErrorIsRefused() {
    assertRefused("{% for message in messages %}{{ message.content }");
    assertRefused("{% if %}");
    assertRefused("{{ nosuchfunction(1) }}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ messages.getClass() }}",
        "{{ ''.getClass().forName('java.lang.Runtime') }}",
        "{{ messages[0].content.getBytes() }}",
        "{{ messages[0].content.replace('l', 'x', 1) }}",
        "{{ messages[0].content.intern() }}",
        "{{ messages.stream() }}",
        "{% for m in messages %}{{ loop.doBreak() }}{% endfor %}",
        "{{ ____int3rpr3t3r____.getContext() }}",
        "{{ ____int3rpr3t3r____.render('x') }}",
        "{{ unixtimestamp() }}",
        "{{ today() }}",
        "{{ strtotime('2024', 'yyyy') }}",
        "{{ format_date('2024-01-01') }}",
        "{{ type('x') }}",
        "{% for bytes, x in ['ab'] %}{{ bytes }}{% endfor %}",
        "{% for classLoader, x in [messages] %}{{ classLoader }}{% endfor %}",
        "{{ messages | random }}",
        "{{ '{{ 1 }}' | render }}",
        "{% include '/etc/passwd' %}",
        "{% import 'polyphony/activities/lm/chat_templates.json' as x %}",
        "{% from 'polyphony/activities/lm/chat_templates.json' import x %}",
        "{% extends 'polyphony/activities/lm/chat_templates.json' %}",
      })
  void aTemplateThatReachesOutsideItsMessagesIsRefused(String source) {
    assertRefused(source);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ messages.class }}",
        "{{ ''.class }}",
        "{{ ''.class.forName }}",
        "{{ messages[0].content.bytes }}",
        "{% for m in messages %}{{ loop.class }}{% endfor %}",
        "{{ ____int3rpr3t3r____.context }}",
        "{{ ____int3rpr3t3r____.config }}",
      })
  void aPropertyOfAJavaObjectIsNothing(String source) {
    assertThat(new ChatTemplate(source, TOKENS).render(HELLO, true)).isBlank();
  }

  @ParameterizedTest
  @Timeout(20)
  @ValueSource(
      strings = {
        "{% for a in range(4000) %}{% for b in range(4000) %}{% for c in range(4000) %}"
            + "{% set x = 1 %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(4000) %}{% for b in range(4000) %}{{ 'xxxxxxxxxxxxxxxxxxx' }}"
            + "{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set __work = 0 %}{{ 'x' }}",
        "{% set ns = namespace(x='xxxxxxxxxxxxxxxx') %}{% for a in range(60) %}"
            + "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x='xxxxxxxxxxxxxxxx') %}{% for a in range(60) %}"
            + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1,1,1,1,1,1,1,1]) %}{% for a in range(60) %}"
            + "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}",
        "{% set ns = namespace(x='xxxxxxxxxxxxxxxx') %}{% for a in range(60) %}"
            + "{% set ns.x = ns.x.replace('x', 'xxxxxxxxxxxxxxxx') %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x='xxxxxxxxxxxxxxxx') %}{% for a in range(60) %}"
            + "{% set ns.x = ns.x | replace('x', 'xxxxxxxxxxxxxxxx') %}{% endfor %}{{ ns.x }}",
        "{{ 'x' * 2000000000 }}",
        "{{ ('x' * 2000000000) | length }}",
        "{{ 'x' | center(2000000000) }}",
        "{{ '%02000000000d' | format(1) }}",
        "{{ 'x' | indent(2000000000, true) }}",
        "{{ '1e3000000' | round }}",
        "{{ 1 | round(2000000) }}",
        "{{ ('1e3000000' | abs) + 1 }}",
        DOUBLED + "{{ x | list | length }}",
        DOUBLED + "{{ x.split('x') | length }}",
        DOUBLED + "{{ x.replace(x + 'y', '') }}",
        DOUBLED + "{{ x.split(x + 'y') }}",
      })
  void aTemplateThatNeverEndsOrGrowsWithoutBoundIsRefused(String source) {
    assertRefused(source);
  }

  @Test
  @Timeout(20)
  void anExpressionIsNoLongerThanThoseOfPublishedTemplates() {
    String list = "{% set r = range(0, 4096) | list %}";
    assertRendered(list + "{{ (" + "r + ".repeat(63) + "r) | length }}", "262144");
    for (String operator : List.of(" + ", " ~ ")) {
      assertRefused(list + "{{ (" + ("r" + operator).repeat(200) + "r) | length }}")
          .hasMessageContaining("an expression is too long");
    }
    assertRefused("{% if " + "true and ".repeat(1000) + "true %}x{% endif %}")
        .hasMessageContaining("an expression is too long");
    String text = "'" + "x + ".repeat(3000) + "'";
    assertRendered("{{ " + text + " | length }}", "12000");
  }

  @Test
  void aRenderingThatTakesTooLongIsRefused() {
    ChatTemplate template = new ChatTemplate("{{ messages[0].content.strip() }}", TOKENS);
    assertThat(template.render(HELLO, true, Duration.ofSeconds(60))).isEqualTo("Hello");
    assertThatThrownBy(() -> template.render(HELLO, true, Duration.ZERO))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("it works for too long");
  }

  @Test
  void aDeeplyNestedTemplateIsRefused() {
    assertRefused("{% if true %}".repeat(2000) + "x" + "{% endif %}".repeat(2000));
    assertRefused("{{ " + "(".repeat(20000) + "1" + ")".repeat(20000) + " }}");
  }

  @Test
  void whatTheEngineWouldPassOverSilentlyIsRefused() {
    assertRefused("{{ messages[0].content | nosuchfilter }}").hasMessageContaining("nosuchfilter");
    assertRefused("{% set x = messages | nosuchfilter %}").hasMessageContaining("nosuchfilter");
    assertThat(new ChatTemplate("{{ '| no if ' + \"|x\" }}", TOKENS).render(HELLO, true))
        .isEqualTo("| no if |x");
  }

  /** The texts are those of transformers 4.57.6 with Jinja2 3.1.6. */
  @Test
  void detailsAreThoseOfJinja() {
    assertRendered(
        "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", "Hello");
    assertRendered(
        "{% for m in messages if m.role == 'x' %}{{ m.content }}{% else %}no{% endfor %}", "no");
    assertRendered(
        "{% for x in ['a', 'if', 'b'] if x != 'if' %}{{ x }}{{ loop.revindex }}{% endfor %}",
        "a2b1");
    assertRendered(
        "{% for x in (['a'] if messages else []) if x %}{{ x }}{% else %}no{% endfor %}", "a");
    assertRendered(
        "{% for k, v in {'a': 1, 'b': 2}.items() if v > 1 %}{{ k }}{{ loop.index }}{% endfor %}",
        "b1");
    assertRendered("{% for k, v in {'a': 1} | items %}{{ k }}{{ v }}{% endfor %}", "a1");
    assertRendered("{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}", "ab");
    assertRendered("{% for c in 'abc' %}{{ c }}.{% endfor %}", "a.b.c.");
    assertRendered(
        "{{ {'a': [1, 'é', true], 'b': [] } | tojson }}", "{\"a\": [1, \"é\", true], \"b\": []}");
    assertRendered("{{ ' a  b c'.split() | join('-') }}", "a-b-c");
    assertRendered("{{ 'a-b-c'.split('-', 1)[1] }}", "b-c");
    assertRendered("{{ 'abc' | list | join('-') }}", "a-b-c");
    assertRendered(
        "{{ 'two words'.title() }} {{ 'tWO words'.capitalize() }}", "Two Words Two words");
    assertRendered("[{{ '\u00a0\u3000 x \u2007\u0085'.strip() }}]", "[x]");
    assertRendered("[{{ '\u00a0\u3000 x \u2007\u0085' | trim }}]", "[x]");
    assertRendered("{% generation %}{{ messages[0].content }}{% endgeneration %}", "Hello");
    assertRendered("a\r\nb{% if true %}\r\nc{% endif %}\r\n", "a\nbc");
  }

  private static void assertRendered(String source, String text) {
    assertThat(new ChatTemplate(source, TOKENS).render(HELLO, true)).as(source).isEqualTo(text);
  }

  @Test
  void aTemplateOfAbsurdSizeIsRefused() {
    String source = "x".repeat(1 << 20);
    assertThatThrownBy(() -> new ChatTemplate(source, TOKENS))
        .isInstanceOf(PolyphonyException.class);
  }

  private static org.assertj.core.api.AbstractThrowableAssert<?, ?> assertRefused(String source) {
    return assertThatThrownBy(() -> new ChatTemplate(source, TOKENS).render(HELLO, true))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA));
  }

  @Test
  void aTemplateIsReadFromTheTokenizerConfiguration() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"bos_token\": {\"content\": \"<s>\"}, \"eos_token\": \"</s>\", \"unk_token\": null,"
            + " \"chat_template\": \"{{ bos_token }}{{ unk_token }}{{ eos_token }}\"}");

    assertThat(ChatTemplate.read(folder).render(HELLO, true)).isEqualTo("<s></s>");
  }

  @Test
  void theDefaultOfSeveralNamedTemplatesIsTaken() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
            + " {\"name\": \"default\", \"template\": \"d\"}]}");

    assertThat(ChatTemplate.read(folder).render(HELLO, true)).isEqualTo("d");
  }

  @Test
  void aTemplateFileWinsOverTheConfiguration() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": \"c\"}");
    write("chat_template.jinja", "f\n");

    assertThat(ChatTemplate.read(folder).render(HELLO, true)).isEqualTo("f");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"chat_template\": null}",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"}]}",
        "{\"chat_template\": 7}",
        "[]",
        "{\"chat_template\": \"cut"
      })
  void aConfigurationWithoutAUsableTemplateIsRefused(String json) throws IOException {
    write("tokenizer_config.json", json);

    assertThatThrownBy(() -> ChatTemplate.read(folder))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("tokenizer_config.json");
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(folder.resolve(name), content);
  }
}
