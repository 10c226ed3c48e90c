package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Pattern;

/** Spoils files as damage, a bad writer or an attacker would: equal seeds spoil them equally. */
final class HostileFiles {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final List<String> STRINGS =
      List.of(
          "",
          " ",
          "a",
          "\u0000",
          "\ud800",
          "../../etc/passwd",
          "/etc/passwd",
          "..\\..\\x.safetensors",
          "model-00001-of-00002.safetensors",
          "F64",
          "BF16",
          "F8_E4M3",
          "null",
          "NaN",
          "Precompiled",
          "WordPiece",
          "(a+)+$",
          "{{ raise_exception('no') }}",
          "{% for a in range(4096) %}{% for b in range(4096) %}x{% endfor %}{% endfor %}",
          "x".repeat(1 << 20),
          "é".repeat(70_000));

  private static final List<String> FRAGMENTS =
      List.of(
          "{% for m in messages %}",
          "{% for a in range(4000) %}",
          "{% for a, b in messages %}",
          "{% for m in messages if m %}",
          "{% for c in messages[0].content recursive %}",
          "{% endfor %}",
          "{% else %}",
          "{% if messages %}",
          "{% elif x is defined %}",
          "{% endif %}",
          "{% macro f(x) %}",
          "{% endmacro %}",
          "{{ f(f(1)) }}",
          "{{ f() }}",
          "{% set ns = namespace(x='xxxxxxxx') %}",
          "{% set ns.x = ns.x + ns.x %}",
          "{% set ns.x = ns.x ~ ns.x %}",
          "{% set l = [l, l] %}",
          "{% set d = {'a': d, 'b': d} %}",
          "{{ l | tojson }}",
          "{{ d | tojson }}",
          "{{ l }}",
          "{{ 'x' * 999999999 }}",
          "{{ [1] * 999999999 }}",
          "{{ 9 ** 999999999 }}",
          "{{ '1e3000000' | round }}",
          "{{ ('1e3000000' | abs) + 1 }}",
          "{% set r = range(0, 4096) | list %}",
          "{{ (" + "r + ".repeat(60) + "r) | length }}",
          "{{ (" + "r ~ ".repeat(200) + "r) | length }}",
          "{{ ns.x.split('x') | list | length }}",
          "{{ ns.x | list | length }}",
          "{{ 1 / 0 }}",
          "{{ 1 % 0 }}",
          "{{ ns.x | replace('x', ns.x) }}",
          "{{ messages | map('replace', 'a', 'b') | list }}",
          "{{ messages | selectattr('role', 'equalto', 'user') | list }}",
          "{{ messages | sort(attribute='role') }}",
          "{{ messages | join(ns.x) }}",
          "{{ messages[-1].content.split('')[9] }}",
          "{{ messages[99999999999].content }}",
          "{{ messages[0]['content'][::2] }}",
          "{{ messages.class.classLoader }}",
          "{{ raise_exception('no') }}",
          "{{ self }}",
          "{{ loop.index }}",
          "{{ caller() }}",
          "{% call f(1) %}",
          "{% endcall %}",
          "{% raw %}",
          "{% endraw %}",
          "{% set x %}",
          "{% endset %}",
          "{% block b %}",
          "{% endblock %}",
          "{% include 'x' %}",
          "{% import 'x' as y %}",
          "{% do messages.append(messages) %}",
          "{{ messages.append(messages) }}",
          "{% generation %}",
          "{% endgeneration %}",
          "{#",
          "#}",
          "{{",
          "}}",
          "{%-",
          "-%}",
          "{{ ((((((((((1)))))))))) }}",
          "{{ not not not not 1 }}",
          "{{ -----1 }}",
          "{{ 'a' if 'b' if 'c' else 'd' else 'e' }}",
          "\n",
          "text");

  private final SplittableRandom random;

  HostileFiles(SplittableRandom random) {
    this.random = random;
  }

  /** Bytes flipped, cut, doubled, moved, or put in. */
  byte[] bytes(byte[] whole) {
    byte[] bytes = whole.clone();
    for (int i = random.nextInt(3); i >= 0 && bytes.length > 0; i--) {
      int from = random.nextInt(bytes.length);
      int count = Math.min(1 + random.nextInt(64), bytes.length - from);
      switch (random.nextInt(7)) {
        case 0 -> bytes = Arrays.copyOf(bytes, from);
        case 1 -> bytes[from] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[from] = (byte) random.nextInt(256);
        case 3 -> bytes = spliced(bytes, from, count, new byte[0]);
        case 4 -> bytes = spliced(bytes, from, 0, Arrays.copyOfRange(bytes, from, from + count));
        case 5 -> {
          byte[] noise = new byte[count];
          random.nextBytes(noise);
          bytes = spliced(bytes, from, random.nextBoolean() ? count : 0, noise);
        }
        default -> {
          byte[] deep =
              "[{\"a\":".repeat(1 + random.nextInt(3000)).getBytes(StandardCharsets.UTF_8);
          bytes = spliced(bytes, from, 0, deep);
        }
      }
    }
    return bytes;
  }

  private static byte[] spliced(byte[] bytes, int from, int removed, byte[] put) {
    byte[] spliced = new byte[bytes.length - removed + put.length];
    System.arraycopy(bytes, 0, spliced, 0, from);
    System.arraycopy(put, 0, spliced, from, put.length);
    System.arraycopy(
        bytes, from + removed, spliced, from + put.length, bytes.length - from - removed);
    return spliced;
  }

  /** A JSON text with a few values changed, removed, renamed or there twice. */
  byte[] json(JsonNode whole) throws IOException {
    JsonNode json = whole.deepCopy();
    for (int i = random.nextBoolean() ? 0 : random.nextInt(3); i >= 0; i--) {
      spoil(json);
    }
    String text = JSON.writeValueAsString(json);
    return switch (random.nextInt(12)) {
      case 0 -> bytes(text.getBytes(StandardCharsets.UTF_8));
      case 1 -> {
        int brace = text.indexOf('{', random.nextInt(text.length()));
        int end = text.indexOf(',', Math.max(0, brace));
        // The first entry of some object a second time.
        yield (brace < 0 || end < 0
                ? text
                : text.substring(0, end)
                    + ","
                    + text.substring(brace + 1, end)
                    + text.substring(end))
            .getBytes(StandardCharsets.UTF_8);
      }
      case 2 -> (text + text).getBytes(StandardCharsets.UTF_8);
      default -> text.getBytes(StandardCharsets.UTF_8);
    };
  }

  private void spoil(JsonNode root) {
    List<JsonNode> containers = new ArrayList<>();
    collect(root, containers);
    JsonNode node = containers.get(random.nextInt(containers.size()));
    if (node instanceof ObjectNode object && !object.isEmpty()) {
      List<String> names = new ArrayList<>();
      object.fieldNames().forEachRemaining(names::add);
      String name = names.get(random.nextInt(names.size()));
      switch (random.nextInt(6)) {
        case 0 -> object.remove(name);
        case 1 -> object.set(STRINGS.get(random.nextInt(STRINGS.size())), object.remove(name));
        case 2 -> object.set(names.get(random.nextInt(names.size())), object.path(name).deepCopy());
        default -> object.set(name, value(object.path(name)));
      }
    } else if (node instanceof ArrayNode array) {
      int at = array.isEmpty() ? 0 : random.nextInt(array.size());
      switch (random.nextInt(4)) {
        case 0 -> array.insert(at, value(NODES.nullNode()));
        case 1 -> array.remove(at);
        default -> {
          if (!array.isEmpty()) {
            array.set(at, value(array.get(at)));
          }
        }
      }
    }
  }

  private static void collect(JsonNode node, List<JsonNode> containers) {
    if (node.isContainerNode()) {
      containers.add(node);
      node.forEach(each -> collect(each, containers));
    }
  }

  private JsonNode value(JsonNode old) {
    return switch (random.nextInt(20)) {
      case 0 -> NODES.nullNode();
      case 1 -> NODES.booleanNode(random.nextBoolean());
      case 2 -> NODES.numberNode(-1 - random.nextInt(3));
      case 3 -> NODES.numberNode(0);
      case 4 -> NODES.numberNode(Integer.MAX_VALUE - random.nextInt(2));
      case 5 -> NODES.numberNode(Long.MAX_VALUE - random.nextInt(8));
      case 6 -> NODES.numberNode(BigInteger.TWO.pow(64 + random.nextInt(200)));
      case 7 -> NODES.numberNode(random.nextBoolean() ? 1e308 : 1e-308);
      case 8 -> NODES.numberNode(random.nextInt(100));
      case 9 -> NODES.numberNode(random.nextInt(1 << 30));
      case 10 -> nested(1 + random.nextInt(2000));
      case 11 -> many();
      case 12 -> NODES.objectNode();
      case 13, 14, 15, 16 ->
          old.isNumber()
              ? NODES.numberNode(old.asLong() + random.nextInt(-9, 10))
              : NODES.textNode(old.asText() + "x");
      default -> NODES.textNode(STRINGS.get(random.nextInt(STRINGS.size())));
    };
  }

  private static JsonNode nested(int depth) {
    JsonNode node = NODES.numberNode(1);
    for (int i = 0; i < Math.min(depth, 400); i++) {
      node = i % 2 == 0 ? NODES.arrayNode().add(node) : NODES.objectNode().set("Sequence", node);
    }
    return node;
  }

  private static JsonNode many() {
    ArrayNode array = NODES.arrayNode();
    for (int i = 0; i < 20_000; i++) {
      array.add(i);
    }
    return array;
  }

  /** A safetensors file whose header was spoilt and whose length field may lie. */
  byte[] safetensors(byte[] whole) throws IOException {
    if (random.nextInt(3) == 0) {
      return bytes(whole);
    }
    if (random.nextInt(40) == 0) {
      return emptyListsAsWeights();
    }
    long length = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] header = json(JSON.readTree(whole, 8, (int) length));
    if (random.nextInt(3) == 0) {
      header = json(overlapping(JSON.readTree(whole, 8, (int) length)));
    }
    long said =
        switch (random.nextInt(10)) {
          case 0 -> random.nextLong();
          case 1 -> header.length + random.nextLong(-9, 10);
          case 2 -> Long.MAX_VALUE - random.nextInt(16);
          case 3 -> Integer.MAX_VALUE + random.nextLong(2);
          case 4 -> 0;
          default -> header.length;
        };
    int data = whole.length - 8 - (int) length;
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + data).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(said).put(header).put(whole, 8 + (int) length, data);
    return file.array();
  }

  private static byte[] emptyListsAsWeights() {
    byte[] header = emptyLists(5 << 19);
    ByteBuffer file = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
    return file.putLong(header.length).put(header).array();
  }

  /** A short JSON text that takes tens of times its length as a tree. */
  static byte[] emptyLists(int count) {
    byte[] lists = "[],".repeat(count).getBytes(StandardCharsets.ISO_8859_1);
    return spliced(lists, 0, 0, "{\"a\":[".getBytes(StandardCharsets.ISO_8859_1));
  }

  private JsonNode overlapping(JsonNode header) {
    List<JsonNode> tensors = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (entry.getValue().has("data_offsets")) {
        tensors.add(entry.getValue());
      }
    }
    ObjectNode one = (ObjectNode) tensors.get(random.nextInt(tensors.size()));
    one.set("data_offsets", tensors.get(random.nextInt(tensors.size())).path("data_offsets"));
    return header;
  }

  /** A chat template: a real one spoilt, or fragments of the language in any order. */
  String template(List<String> real) {
    StringBuilder text = new StringBuilder();
    if (random.nextBoolean()) {
      text.append(
          new String(
              bytes(real.get(random.nextInt(real.size())).getBytes(StandardCharsets.UTF_8)),
              StandardCharsets.UTF_8));
      for (int i = random.nextInt(3); i > 0; i--) {
        text.insert(random.nextInt(text.length() + 1), fragment());
      }
      return text.toString();
    }
    for (int i = 1 + random.nextInt(40); i > 0; i--) {
      text.append(fragment());
    }
    // Most of it would not parse for want of an end.
    for (String[] pair :
        new String[][] {
          {"{% for", "{% endfor %}"}, {"{% if", "{% endif %}"}, {"{% macro", "{% endmacro %}"}
        }) {
      int open = text.toString().split(Pattern.quote(pair[0]), -1).length;
      int closed = text.toString().split(Pattern.quote(pair[1]), -1).length;
      text.append(pair[1].repeat(Math.max(0, open - closed)));
    }
    return text.toString();
  }

  private String fragment() {
    String fragment = FRAGMENTS.get(random.nextInt(FRAGMENTS.size()));
    return random.nextInt(50) == 0 ? fragment.repeat(1 + random.nextInt(500)) : fragment;
  }
}
