package polyphony.activities.prompts;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * The user messages of a debate as templates. A placeholder is a name in braces, such as {@code
 * {question}}; empty braces are text. All are filled in one pass, so that braces in a question or
 * an answer stay what they are.
 *
 * @param templates by {@link Part#key()}
 */
public record PromptSet(Map<String, String> templates) {
  public static final String MEDIA_TYPE = "application/json";

  /** What its artifact is called. */
  public static final String FILE = "prompts.json";

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{([A-Za-z][A-Za-z0-9_-]*+)\\}");
  private static final List<String> NAMES = List.of("compact", "gsm8k", "math", "mmlu", "standard");
  private static final List<String> OPTIONAL = List.of("number", "id", "agents", "role");
  private static final int MAX_BYTES = 1 << 20;
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  /** The templates of a set. */
  public enum Part {
    /** Round 1. */
    GENERATE("generate"),
    /** A question whose answer was wrong, with the true answer as a hint. */
    GENERATE_WITH_HINT("generate-with-hint"),
    /** To the summariser, which does not see the question. */
    SUMMARISE("summarise"),
    /** A later round, after a summary of the other agents' answers. */
    CRITIC_WITH_SUMMARY("critic-with-summary"),
    /** A later round, with the other agents' answers themselves. */
    CRITIC_WITH_ANSWERS("critic-with-answers"),
    /** How one answer stands in {@code {answers}}; they are joined by line ends. */
    QUOTED_ANSWER("quoted-answer"),
    /** A later round in which the others' answers, or a summary of them, are to be integrated. */
    COOPERATIVE("cooperative"),
    /** Round 1, where every agent is told who it is. */
    UNIQUE_ID("unique-id"),
    /** A later round of an agent on its own. */
    DOUBLE_CHECK("double-check");

    private final String key;

    Part(String key) {
      this.key = key;
    }

    /** Its name in artifacts, and that of its file. */
    public String key() {
      return key;
    }

    /** Whether a set may do without it: a small model's dialect has no words for it. */
    boolean optional() {
      return this == GENERATE_WITH_HINT
          || this == COOPERATIVE
          || this == UNIQUE_ID
          || this == DOUBLE_CHECK;
    }

    /** What may stand in it. All must but those that a small model's dialect has no words for. */
    List<String> placeholders() {
      return switch (this) {
        case GENERATE -> List.of("question");
        case GENERATE_WITH_HINT -> List.of("question", "hint");
        case SUMMARISE -> List.of("answers");
        case CRITIC_WITH_SUMMARY -> List.of("summary", "question");
        case CRITIC_WITH_ANSWERS -> List.of("answers", "question");
        case QUOTED_ANSWER -> List.of("answer", "number");
        case COOPERATIVE -> List.of("others", "question");
        case UNIQUE_ID -> List.of("id", "agents", "role", "question");
        case DOUBLE_CHECK -> List.of("question");
      };
    }
  }

  /**
   * @throws PolyphonyException CONFIG where a template is missing, unknown, or has other
   *     placeholders than its part allows
   */
  public PromptSet {
    templates = java.util.Collections.unmodifiableSortedMap(new TreeMap<>(templates));
    for (Part part : Part.values()) {
      String template = templates.get(part.key);
      if (template != null) {
        check(part, template);
      } else if (!part.optional()) {
        throw PolyphonyException.config("the prompt set has no template \"" + part.key + "\"");
      }
    }
    SortedMap<String, String> unknown = new TreeMap<>(templates);
    for (Part part : Part.values()) {
      unknown.remove(part.key);
    }
    if (!unknown.isEmpty()) {
      throw PolyphonyException.config(
          "the prompt set has an unknown template \"" + unknown.firstKey() + "\"");
    }
  }

  private static void check(Part part, String template) {
    List<String> found =
        PLACEHOLDER.matcher(template).results().map(each -> each.group(1)).distinct().toList();
    for (String placeholder : found) {
      if (!part.placeholders().contains(placeholder)) {
        throw PolyphonyException.config(
            "prompt template \""
                + part.key
                + "\" has the unknown placeholder {"
                + placeholder
                + "}; known are "
                + braced(part.placeholders()));
      }
    }
    for (String placeholder : part.placeholders()) {
      if (!found.contains(placeholder) && !OPTIONAL.contains(placeholder)) {
        throw PolyphonyException.config(
            "prompt template \"" + part.key + "\" lacks {" + placeholder + "}");
      }
    }
  }

  private static String braced(List<String> placeholders) {
    return placeholders.stream().map(each -> "{" + each + "}").collect(Collectors.joining(", "));
  }

  /** The sets that come along, sorted. */
  public static List<String> names() {
    return NAMES;
  }

  /**
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public static PromptSet named(String name) {
    if (name == null || !NAMES.contains(name)) {
      throw PolyphonyException.config(
          "there is no prompt set \""
              + name
              + "\"; promptSet is one of "
              + String.join(", ", NAMES));
    }
    Map<String, String> templates = new TreeMap<>();
    for (Part part : Part.values()) {
      String path = "/polyphony/prompts/" + name + "/" + part.key + ".txt";
      if (!part.optional() || PromptSet.class.getResource(path) != null) {
        templates.put(part.key, resource(path));
      }
    }
    return new PromptSet(templates);
  }

  /**
   * A person's own set: a folder with one file for each template, such as {@code generate.txt}.
   *
   * @throws PolyphonyException CONFIG where a file is missing, too large or no text, or as in the
   *     constructor
   */
  public static PromptSet folder(Path folder) {
    Map<String, String> templates = new TreeMap<>();
    for (Part part : Part.values()) {
      Path file = folder.resolve(part.key + ".txt");
      if (part.optional() && !Files.exists(file)) {
        continue;
      }
      try (InputStream stream = Files.newInputStream(file)) {
        byte[] bytes = stream.readNBytes(MAX_BYTES + 1);
        if (bytes.length > MAX_BYTES) {
          throw PolyphonyException.config(file + " has more than " + MAX_BYTES + " bytes");
        }
        templates.put(part.key, withoutLastLineEnd(new String(bytes, StandardCharsets.UTF_8)));
      } catch (IOException e) {
        throw new PolyphonyException(
            ErrorClass.CONFIG, "prompt template " + file + " cannot be read; is it there?", e);
      }
    }
    return new PromptSet(templates);
  }

  /** The file's text without its last line end, which belongs to the file and not to the prompt. */
  private static String resource(String path) {
    try (InputStream stream = PromptSet.class.getResourceAsStream(path)) {
      if (stream == null) {
        throw new PolyphonyException(ErrorClass.BUG, path + " is not on the class path");
      }
      return withoutLastLineEnd(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(path + ": cannot be read from the class path", e);
    }
  }

  private static String withoutLastLineEnd(String text) {
    return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  /** The set as one artifact; equal sets give equal bytes. */
  public byte[] bytes() {
    return CanonicalJson.bytes(templates);
  }

  /**
   * What {@link #bytes} wrote.
   *
   * @throws PolyphonyException DATA where it is not JSON of that form; CONFIG as in the constructor
   */
  public static PromptSet read(byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw PolyphonyException.data("the prompt set is larger than " + MAX_BYTES + " bytes");
    }
    Map<String, String> templates;
    try {
      templates = JSON.readValue(bytes, new TypeReference<Map<String, String>>() {});
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, "the prompt set is not a JSON object of texts", e);
    }
    if (templates == null || templates.containsValue(null)) {
      throw PolyphonyException.data("the prompt set is not a JSON object of texts");
    }
    return new PromptSet(templates);
  }

  /** The message of round 1. */
  public String generate(String question) {
    return fill(Part.GENERATE, Map.of("question", question));
  }

  /** The message of round 1 with the true answer. */
  public String generateWithHint(String question, String hint) {
    return fill(Part.GENERATE_WITH_HINT, Map.of("question", question, "hint", hint));
  }

  /** The message to the summariser of {@code answers}. */
  public String summarise(List<String> answers) {
    return fill(Part.SUMMARISE, Map.of("answers", quoted(answers)));
  }

  /** The message of a later round after a summary. */
  public String criticWithSummary(String summary, String question) {
    return fill(Part.CRITIC_WITH_SUMMARY, Map.of("summary", summary, "question", question));
  }

  /** The message of a later round with the other agents' answers themselves. */
  public String criticWithAnswers(List<String> answers, String question) {
    return fill(Part.CRITIC_WITH_ANSWERS, Map.of("answers", quoted(answers), "question", question));
  }

  /** The message of a later round in which the others' answers are integrated. */
  public String cooperative(String summary, String question) {
    return fill(Part.COOPERATIVE, Map.of("others", summary, "question", question));
  }

  /** The same with the other agents' answers themselves. */
  public String cooperative(List<String> answers, String question) {
    return cooperative(quoted(answers), question);
  }

  /**
   * The message of round 1 to an agent that is told who it is.
   *
   * @param agent from 0
   * @param agents how many there are
   * @param role what it is to be, such as {@code skeptic}
   */
  public String uniqueId(int agent, int agents, String role, String question) {
    return fill(
        Part.UNIQUE_ID,
        Map.of(
            "id",
            Integer.toString(agent + 1),
            "agents",
            Integer.toString(agents),
            "role",
            role,
            "question",
            question));
  }

  /** The message of a later round to an agent that is shown nobody else's answer. */
  public String doubleCheck(String question) {
    return fill(Part.DOUBLE_CHECK, Map.of("question", question));
  }

  private String quoted(List<String> answers) {
    return IntStream.range(0, answers.size())
        .mapToObj(
            i ->
                fill(
                    Part.QUOTED_ANSWER,
                    Map.of("answer", answers.get(i), "number", Integer.toString(i + 1))))
        .collect(Collectors.joining("\n"));
  }

  private String fill(Part part, Map<String, String> values) {
    String template = templates.get(part.key);
    if (template == null) {
      throw PolyphonyException.config(
          "the prompt set has no template \"" + part.key + "\"; choose another promptSet");
    }
    return PLACEHOLDER
        .matcher(template)
        .replaceAll(match -> Matcher.quoteReplacement(values.get(match.group(1))));
  }
}
