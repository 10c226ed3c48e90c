package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import polyphony.activities.TestData;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;

/**
 * The templates of real models. What transformers renders of them stands, as hashes, in {@code
 * chat_template_renderings.json}; {@code render_chat_templates.py} beside it makes that file, and
 * shows the texts.
 */
class PublishedChatTemplatesTest {
  private static final Map<String, String> TOKENS = Map.of("bos_token", "<s>", "eos_token", "</s>");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TestFactory
  Stream<DynamicTest> everyConversationIsRenderedAsTransformersDoes() throws IOException {
    Path folder = TestData.path("tokenizers");
    JsonNode expected;
    try (InputStream in =
        PublishedChatTemplatesTest.class.getResourceAsStream("chat_template_renderings.json")) {
      expected = JSON.readTree(in);
    }
    List<DynamicTest> tests = new ArrayList<>();
    for (Map.Entry<String, JsonNode> file : expected.path("rendered").properties()) {
      String content = Files.readString(folder.resolve(file.getKey()));
      ChatTemplate template =
          new ChatTemplate(
              file.getKey().endsWith(".json")
                  ? JSON.readTree(content).path("chat_template").asText()
                  : content,
              TOKENS);
      for (Map.Entry<String, JsonNode> conversation : file.getValue().properties()) {
        List<Message> messages = messages(expected.at("/conversations/" + conversation.getKey()));
        for (boolean prompt : new boolean[] {false, true}) {
          String text = conversation.getValue().path(prompt ? 1 : 0).asText();
          tests.add(
              DynamicTest.dynamicTest(
                  file.getKey() + ", " + conversation.getKey() + ", " + prompt,
                  () -> assertThat(rendered(template, messages, prompt)).isEqualTo(text)));
        }
      }
    }
    assertThat(tests).hasSize(700);
    return tests.stream();
  }

  private static String rendered(ChatTemplate template, List<Message> messages, boolean prompt) {
    try {
      String text = template.render(messages, prompt);
      return Sha256.of(text.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
    } catch (PolyphonyException e) {
      assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA);
      assertThat(e.getMessage()).contains("the chat template cannot render this conversation");
      return "raises";
    }
  }

  private static List<Message> messages(JsonNode conversation) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode message : conversation) {
      messages.add(
          new Message(
              Role.valueOf(message.path("role").asText().toUpperCase(Locale.ROOT)),
              message.path("content").asText()));
    }
    return messages;
  }
}
