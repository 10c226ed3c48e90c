package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.ExpressionNode;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * How a model wants conversations written: the Jinja template that comes with it, rendered as
 * transformers' {@code apply_chat_template} does ({@code trim_blocks}, {@code lstrip_blocks}, the
 * special tokens' texts, {@code raise_exception}). A template comes from outside and is not
 * trusted: it reaches no Java object, file, clock or random number, and its work, depth and output
 * are bounded. One that is too long, broken, or uses what is not supported is refused when it is
 * made, as DATA.
 *
 * @param source the template
 * @param specialTokens such as {@code bos_token -> <s>}
 */
public record ChatTemplate(String source, Map<String, String> specialTokens) {
  /** Where a model's folder keeps its template, if not in {@code tokenizer_config.json}. */
  public static final String FILE = "chat_template.jinja";

  private static final String CONFIGURATION = "tokenizer_config.json";
  private static final int MAX_SOURCE_CHARACTERS = 1 << 16;
  private static final long MAX_CHARACTERS = 1 << 22;
  private static final Duration LONGEST = Duration.ofSeconds(10);

  /** Those of published templates have a tenth of it. */
  private static final int MAX_EXPRESSION_CHARACTERS = 4_000;

  /** Each copies what stands left of it. */
  private static final int MAX_EXPRESSION_SUMS = 64;

  private static final Set<String> FILTERS =
      Set.of(
          "capitalize",
          "count",
          "d",
          "default",
          "dictsort",
          "first",
          "float",
          "int",
          "items",
          "join",
          "last",
          "length",
          "list",
          "lower",
          "map",
          "reject",
          "rejectattr",
          "replace",
          "reverse",
          "safe",
          "select",
          "selectattr",
          "sort",
          "string",
          "title",
          "tojson",
          "trim",
          "unique",
          "upper");
  private static final Set<String> FUNCTIONS = Set.of(":range", ":namespace");
  private static final Pattern QUOTED =
      Pattern.compile("'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\"", Pattern.DOTALL);
  private static final Pattern FILTER = Pattern.compile("\\|\\s*(\\w+)");
  private static final Jinjava JINJAVA = jinjava();

  public ChatTemplate {
    specialTokens = Map.copyOf(specialTokens);
    if (source.length() > MAX_SOURCE_CHARACTERS) {
      throw PolyphonyException.data(
          "chat template has "
              + source.length()
              + " characters; at most "
              + MAX_SOURCE_CHARACTERS
              + " are accepted");
    }
    try {
      requireSupported(JINJAVA.newInterpreter().parse(asJinjaReads(source)));
    } catch (RuntimeException e) {
      throw refused(String.valueOf(e.getMessage()), e);
    } catch (StackOverflowError | OutOfMemoryError e) {
      throw refused("it takes too much memory", e);
    }
  }

  /**
   * Reads {@code chat_template.jinja} where the folder has one, or else {@code chat_template} of
   * {@code tokenizer_config.json}: one template, or several by name of which "default" is taken.
   *
   * @throws PolyphonyException DATA where there is none
   */
  public static ChatTemplate read(Path folder) {
    return find(folder)
        .orElseThrow(
            () ->
                PolyphonyException.data(
                    folder.resolve(CONFIGURATION)
                        + ": has no chat_template; use an instruction-tuned model, or give a"
                        + " template: polyphony model import FOLDER --chat-template FILE"));
  }

  /** As {@link #read}; empty where there is none. */
  public static Optional<ChatTemplate> find(Path folder) {
    JsonNode json = JsonFile.read(folder.resolve(CONFIGURATION));
    Path own = folder.resolve(FILE);
    Optional<String> source =
        Files.exists(own) ? Optional.of(source(own)) : source(json.path("chat_template"));
    return source.map(each -> new ChatTemplate(each, specialTokens(json)));
  }

  /**
   * The template in {@code file} with the special tokens of the model in {@code folder}.
   *
   * @throws PolyphonyException DATA where it cannot be read or is no template
   */
  public static ChatTemplate read(Path folder, Path file) {
    return new ChatTemplate(
        source(file), specialTokens(JsonFile.read(folder.resolve(CONFIGURATION))));
  }

  private static Map<String, String> specialTokens(JsonNode json) {
    Map<String, String> specialTokens = new LinkedHashMap<>();
    for (String name : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
      JsonNode token = json.path(name);
      String text = token.isObject() ? token.path("content").asText("") : token.asText("");
      if (!token.isNull() && !text.isEmpty()) {
        specialTokens.put(name, text);
      }
    }
    return specialTokens;
  }

  private static String source(Path file) {
    try {
      if (Files.size(file) > 4L * MAX_SOURCE_CHARACTERS) {
        throw PolyphonyException.data(file + ": too large for a chat template");
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": cannot be read as UTF-8; copy it again", e);
    }
  }

  private static Optional<String> source(JsonNode template) {
    if (template.isTextual()) {
      return Optional.of(template.asText());
    }
    for (JsonNode named : template) {
      if (named.path("name").asText("").equals("default") && named.path("template").isTextual()) {
        return Optional.of(named.path("template").asText());
      }
    }
    return Optional.empty();
  }

  /**
   * Renders a conversation as debates have them, of several turns.
   *
   * @throws PolyphonyException DATA where the template refuses it
   */
  public void requireConversation() {
    render(
        List.of(Message.user("question"), Message.assistant("answer"), Message.user("again")),
        true);
  }

  /**
   * The conversation as one text.
   *
   * @param addGenerationPrompt whether to end with what precedes the assistant's next turn
   * @throws PolyphonyException DATA where the template exceeds its bounds or refuses these messages
   */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return render(messages, addGenerationPrompt, LONGEST);
  }

  /** Visible for the tests. */
  String render(List<Message> messages, boolean addGenerationPrompt, Duration longest) {
    List<Map<String, Object>> turns = new ArrayList<>();
    for (Message message : messages) {
      Map<String, Object> turn = new LinkedHashMap<>();
      turn.put("role", message.role().label());
      turn.put("content", message.content());
      turns.add(turn);
    }
    Map<String, Object> bindings = new HashMap<>(specialTokens);
    bindings.put("messages", turns);
    bindings.put("add_generation_prompt", addGenerationPrompt);
    new TemplateWork(longest).bindTo(bindings);
    RenderResult result;
    try {
      result = JINJAVA.renderForResult(asJinjaReads(source), bindings);
    } catch (RuntimeException e) {
      throw refused(String.valueOf(e.getMessage()), e);
    } catch (StackOverflowError | OutOfMemoryError e) {
      throw refused("it takes too much memory", e);
    }
    if (!result.getErrors().isEmpty()) {
      TemplateError error = result.getErrors().get(0);
      throw refused(error.getMessage(), error.getException());
    }
    return result.getOutput();
  }

  /**
   * Jinjava passes over what it does not know of Jinja without an error, which would change a
   * prompt silently.
   */
  private static void requireSupported(Node node) {
    if (node instanceof TagNode tag) {
      String code = QUOTED.matcher(tag.getHelpers()).replaceAll("''");
      requireSupportedExpression(code);
    } else if (node instanceof ExpressionNode expression) {
      requireSupportedExpression(
          QUOTED.matcher(expression.getMaster().getImage()).replaceAll("''"));
    }
    node.getChildren().forEach(ChatTemplate::requireSupported);
  }

  private static void requireSupportedExpression(String code) {
    if (code.length() > MAX_EXPRESSION_CHARACTERS
        || code.chars().filter(each -> each == '+' || each == '~').count() > MAX_EXPRESSION_SUMS) {
      throw new TemplateValues.Refusal("an expression is too long");
    }
    int depth = 0;
    for (int i = 0; i < code.length(); i++) {
      char character = code.charAt(i);
      depth += "([{".indexOf(character) >= 0 ? 1 : ")]}".indexOf(character) >= 0 ? -1 : 0;
      // The engine's parser looks ahead: its time grows with the square of the depth and worse.
      if (depth > 32) {
        throw new TemplateValues.Refusal("an expression is nested too deeply");
      }
    }
    Matcher filters = FILTER.matcher(code);
    while (filters.find()) {
      if (!FILTERS.contains(filters.group(1))) {
        throw new TemplateValues.Refusal("filter " + filters.group(1) + " is not supported");
      }
    }
  }

  private static PolyphonyException refused(String message, Throwable cause) {
    for (Throwable each = cause; each != null; each = each.getCause()) {
      if (each instanceof TemplateValues.Refusal refusal) {
        return refused(String.valueOf(refusal.getMessage()), null);
      }
    }
    return new PolyphonyException(
        ErrorClass.DATA,
        "the chat template cannot render this conversation: "
            + message.lines().findFirst().orElse(""),
        cause);
  }

  /** Jinja reads every kind of line break as one newline, and drops one at a template's end. */
  private static String asJinjaReads(String source) {
    String lines = source.replace("\r\n", "\n").replace('\r', '\n');
    return lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
  }

  private static Jinjava jinjava() {
    Jinjava jinjava =
        new Jinjava(
            JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withLegacyOverrides(
                    LegacyOverrides.Builder.from(LegacyOverrides.ALL)
                        .withWhitespaceRequiredWithinTokens(false)
                        .build())
                // Otherwise braces inside a message would be run as a template.
                .withNestedInterpretationEnabled(false)
                .withElResolver(new TemplateValues())
                .withDisabled(
                    Map.of(
                        Context.Library.TAG,
                        Set.of("import", "include", "extends", "from"),
                        Context.Library.FILTER,
                        otherFilters(),
                        Context.Library.FUNCTION,
                        otherFunctions()))
                .withMaxRenderDepth(16)
                .withMaxMacroRecursionDepth(16)
                .withMaxOutputSize(MAX_CHARACTERS)
                .withMaxStringLength(MAX_CHARACTERS)
                .withMaxListSize(1 << 16)
                .withMaxMapSize(1 << 12)
                .withRangeLimit(1 << 12)
                .withProcessors(
                    JinjavaProcessors.newBuilder()
                        .withNodePreProcessor(
                            (node, interpreter) -> TemplateWork.countNode(interpreter))
                        .build())
                .build());
    jinjava.setResourceLocator(
        (name, encoding, interpreter) -> {
          throw new IOException("a chat template may not read " + name);
        });
    TemplateFilters.ALL.forEach(jinjava::registerFilter);
    jinjava.registerTag(new TemplateLoop(TemplateWork::countNode));
    jinjava.registerTag(new GenerationTag());
    jinjava.registerFunction(
        new ELFunctionDefinition(
            "", "raise_exception", TemplateValues.class, "raiseException", String.class));
    return jinjava;
  }

  /** Where transformers finds an assistant's turn; it writes nothing. */
  private static final class GenerationTag implements Tag {
    private static final long serialVersionUID = 1L;

    @Override
    public String getName() {
      return "generation";
    }

    @Override
    public String interpret(TagNode node, JinjavaInterpreter interpreter) {
      return node.getChildren().stream()
          .map(child -> child.render(interpreter).getValue())
          .collect(Collectors.joining());
    }
  }

  /** Jinjava has filters that Jinja lacks, and some that can make a huge string from nothing. */
  private static Set<String> otherFilters() {
    return new Jinjava()
        .getGlobalContext().getAllFilters().stream()
            .map(Filter::getName)
            .filter(name -> !FILTERS.contains(name))
            .collect(Collectors.toUnmodifiableSet());
  }

  /** Those of Jinjava alone, of which some read the clock: equal messages give equal prompts. */
  private static Set<String> otherFunctions() {
    return new Jinjava()
        .getGlobalContext().getAllFunctions().stream()
            .map(ELFunctionDefinition::getName)
            .filter(name -> !FUNCTIONS.contains(name))
            .collect(Collectors.toUnmodifiableSet());
  }
}
