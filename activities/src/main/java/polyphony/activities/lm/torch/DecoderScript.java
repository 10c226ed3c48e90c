package polyphony.activities.lm.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.DecoderConfig.Activation;
import polyphony.activities.lm.DecoderConfig.Block;
import polyphony.storage.PolyphonyException;

/**
 * The decoder, its loss and its optimizer as TorchScript source, with the sizes of one {@link
 * DecoderConfig} and, where there is one, an adapter's shape written in as constants. Weights come
 * as a list in the order of {@link DecoderConfig#weightShapes}: embedding, as many for each block,
 * final norm, and the head unless tied; then the adapter's in the order of {@link
 * AdapterConfig#weightShapes}.
 *
 * <ul>
 *   <li>{@code forward(weights, tokens [batch, length], positions [n], targets [n], frequencies [1
 *       or batch, headSize / 2], seeds)}: the sum of the negative log-likelihoods of {@code
 *       targets}, each predicted at one of {@code positions} (indices into the flattened batch).
 *       After the last attention only those rows go on. The frequencies' precision is that of the
 *       angles. There are as many seeds as layers with an adapter, each of one dropout; or none,
 *       and nothing is left out.
 *   <li>The same in pieces: {@code embedded(weights, tokens)}; {@code layer(…, x, number)}, one
 *       block, where {@code …} are forward's arguments; {@code end(…, x)}, the last block and the
 *       loss.
 *   <li>{@code logits(weights, tokens, positions, frequencies, seeds)}: {@code [n, vocabulary]}.
 *   <li>{@code working(x)}: {@code x} as products take it.
 *   <li>{@code add(gradients, others)}: adds in place.
 *   <li>{@code norm(gradients)}: the global Euclidean norm.
 *   <li>{@code update(...)}: one step of AdamW in place.
 * </ul>
 *
 * Rows may be padded on the right: attention is causal, so that padding is never seen.
 */
final class DecoderScript {
  static final String CLASS_NAME = "Decoder";

  private DecoderScript() {}

  /**
   * @throws PolyphonyException DATA for a decoder with parts that only the ONNX graph has
   */
  static TorchScriptArchive archive(
      DecoderConfig config, Optional<AdapterConfig> adapter, Precision precision) {
    boolean complete =
        config.block().activation() == Activation.SILU
            && !config.block().outerNorms()
            && config.block().normOffset() == 0
            && config.embeddingScale() == 1
            && config.attention().scale() == 1 / Math.sqrt(config.headSize())
            && Double.isInfinite(config.attention().cap())
            && Double.isInfinite(config.logitCap());
    if (!complete) {
      throw PolyphonyException.data(
          "libtorch cannot run this model here; use ONNX Runtime"
              + config.untrainable().map(reason -> " (" + reason + ")").orElse(""));
    }
    return new TorchScriptArchive(CLASS_NAME, source(config, adapter, precision));
  }

  // Rotary positions are a multiplication of complex numbers once the two halves of a head lie
  // side by side. Reordering the rows of the query and key weights puts them there, and costs far
  // less than reordering activations; attention scores do not depend on the order, as long as
  // queries and keys share it. Pairs of entries that do not turn are multiplied by 1.
  //
  // The mean square of a row comes from its norm: one pass over memory and no temporary.
  //
  // An adapter works on activations and never makes a whole matrix: its rows are few. The rows of B
  // are reordered like those of the weight beside it. A generator of its own makes dropout
  // independent of what else the process draws, and computing a block again gives the same.
  //
  // split_with_sizes rather than slices: its gradient is one concatenation, not a padded copy each.
  private static String source(
      DecoderConfig config, Optional<AdapterConfig> adapter, Precision precision) {
    String source =
        """
        class Decoder(Module):
          __parameters__ = []
          __buffers__ = []
          def working(self: __torch__.Decoder, x: Tensor) -> Tensor:
            return WORKING
          def exact(self: __torch__.Decoder, x: Tensor) -> Tensor:
            return EXACT
          def normalised(self: __torch__.Decoder, x: Tensor, weight: Tensor) -> Tensor:
            wide = self.exact(x)
            norm = torch.linalg_vector_norm(wide, 2, [-1], True)
            scale = torch.rsqrt(torch.add(torch.mul(torch.mul(norm, norm), 1. / HIDDEN.), EPSILON))
            return self.working(torch.mul(torch.mul(wide, scale), self.exact(weight)))
          def paired(self: __torch__.Decoder, weight: Tensor, heads: int) -> Tensor:
            PAIRED
          def rotations(self: __torch__.Decoder, length: int, frequencies: Tensor, like: Tensor) -> Tensor:
            magnitudes = torch.tensor(MAGNITUDES, dtype=7, device=like.device)
            places = torch.view(torch.arange(length, dtype=frequencies.dtype, device=like.device), [length, 1, 1])
            angles = torch.to(torch.mul(places, torch.view(frequencies, [-1, 1, 1, HALF])), 7)
            turns = torch.polar(torch.mul(torch.ones_like(angles), magnitudes), angles)
            return torch.to(turns, 10 if like.dtype == 7 else 9)
          def repeated(self: __torch__.Decoder, x: Tensor) -> Tensor:
            batch = torch.size(x, 0)
            length = torch.size(x, 1)
            apart = torch.unsqueeze(torch.transpose(x, 1, 2), 2)
            wide = torch.expand(apart, [batch, KEY_VALUE_HEADS, GROUP, length, HEAD_SIZE])
            return torch.reshape(wide, [batch, HEADS, length, HEAD_SIZE])
          def attention(self: __torch__.Decoder, projected: Tensor, turns: Tensor, batch: int, length: int, window: int) -> Tensor:
            all = torch.view(projected, [batch, length, HEADS + 2 * KEY_VALUE_HEADS, HEAD_SIZE])
            turned, values = torch.split_with_sizes(all, [HEADS + KEY_VALUE_HEADS, KEY_VALUE_HEADS], 2)
            pairs = torch.view_as_complex(torch.view(self.exact(turned), [batch, length, HEADS + KEY_VALUE_HEADS, HALF, 2]))
            rotated = torch.view_as_real(torch.mul(pairs, turns))
            flat = self.working(torch.view(rotated, [batch, length, HEADS + KEY_VALUE_HEADS, HEAD_SIZE]))
            queries, keys = torch.split_with_sizes(flat, [HEADS, KEY_VALUE_HEADS], 2)
            seen = annotate(Optional[Tensor], None)
            if window < length:
              places = torch.arange(length, device=projected.device)
              behind = torch.sub(torch.unsqueeze(places, 1), places)
              seen = torch.logical_and(torch.ge(behind, 0), torch.lt(behind, window))
            MIXED
            return torch.reshape(torch.transpose(mixed, 1, 2), [batch * length, HEADS * HEAD_SIZE])
          def addition(self: __torch__.Decoder, x: Tensor, a: Tensor, b: Tensor, seeds: Tensor, place: int) -> Tensor:
            scale = SCALE
            if torch.numel(seeds) > 0:
              generator = torch.Generator(device=x.device, seed=int(torch.select(seeds, 0, place)))
              kept = torch.empty(torch.size(x), dtype=11, device=x.device)
              x = torch.mul(x, torch.bernoulli_(kept, KEPT, generator=generator))
              scale = SCALE / KEPT
            return torch.linear(torch.mul(torch.linear(x, a), scale), b)
          def embedded(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor) -> Tensor:
            return self.working(torch.embedding(weights[0], torch.reshape(tokens, [-1]), PADDING))
          def block(self: __torch__.Decoder, weights: List[Tensor], layer: int, x: Tensor, turns: Tensor, tokens: Tensor, positions: Tensor, seeds: Tensor) -> Tensor:
            batch = torch.size(tokens, 0)
            length = torch.size(tokens, 1)
            windows = WINDOWS
            w = 1 + BLOCK * layer
            a = ADAPTER + 2 * TARGETS * layer
            t = TARGETS * layer
            normed = self.normalised(x, {input_layernorm.weight})
            QUERY_KEY_VALUE
            attended = self.attention(projected, turns, batch, length, windows[layer])
            if layer == LAYERS - 1:
              x = torch.index_select(x, 0, positions)
              attended = torch.index_select(attended, 0, positions)
            OUT
            x = torch.add(x, out)
            inner = self.normalised(x, {post_attention_layernorm.weight})
            GATE_UP
            gated = torch.mul(torch.silu(gate), up)
            DOWN
            return torch.add(x, down)
          def stream(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor, frequencies: Tensor, seeds: Tensor) -> Tensor:
            x = self.embedded(weights, tokens)
            turns = self.rotations(torch.size(tokens, 1), frequencies, x)
            for layer in range(LAYERS):
              x = self.block(weights, layer, x, turns, tokens, positions, seeds)
            return x
          def head(self: __torch__.Decoder, weights: List[Tensor], x: Tensor) -> Tensor:
            return self.exact(torch.linear(self.normalised(x, weights[1 + BLOCK * LAYERS]), self.working(weights[OUTPUT])))
          def forward(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor, targets: Tensor, frequencies: Tensor, seeds: Tensor) -> Tensor:
            x = self.stream(weights, tokens, positions, frequencies, seeds)
            return torch.cross_entropy_loss(self.head(weights, x), targets, None, 2, -100, 0.)
          def layer(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor, targets: Tensor, frequencies: Tensor, seeds: Tensor, x: Tensor, number: Tensor) -> Tensor:
            turns = self.rotations(torch.size(tokens, 1), frequencies, x)
            return self.block(weights, int(number), x, turns, tokens, positions, seeds)
          def end(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor, targets: Tensor, frequencies: Tensor, seeds: Tensor, x: Tensor) -> Tensor:
            turns = self.rotations(torch.size(tokens, 1), frequencies, x)
            last = self.block(weights, LAYERS - 1, x, turns, tokens, positions, seeds)
            return torch.cross_entropy_loss(self.head(weights, last), targets, None, 2, -100, 0.)
          def logits(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor, frequencies: Tensor, seeds: Tensor) -> Tensor:
            return self.head(weights, self.stream(weights, tokens, positions, frequencies, seeds))
          def add(self: __torch__.Decoder, gradients: List[Tensor], others: List[Tensor]) -> NoneType:
            torch._foreach_add_(gradients, others)
            return None
          def norm(self: __torch__.Decoder, gradients: List[Tensor]) -> Tensor:
            return torch.linalg_vector_norm(torch.stack(torch._foreach_norm(gradients, 2)), 2)
          def update(self: __torch__.Decoder, weights: List[Tensor], gradients: List[Tensor], first: List[Tensor], second: List[Tensor], step: Tensor, scale: float, rate: float, beta1: float, beta2: float, epsilon: float, decay: float) -> NoneType:
            if scale < 1.:
              torch._foreach_mul_(gradients, scale)
            steps = annotate(List[Tensor], [])
            for each in range(len(weights)):
              steps = torch.append(steps, step)
            torch._fused_adamw_(weights, gradients, first, second, annotate(List[Tensor], []), steps, lr=rate, beta1=beta1, beta2=beta2, weight_decay=decay, eps=epsilon, amsgrad=False, maximize=False)
            return None
        """;
    Additions additions = new Additions(config, adapter);
    source = lines(source, "PAIRED", paired(config));
    source = lines(source, "QUERY_KEY_VALUE", queryKeyValue(config.block(), additions));
    source = lines(source, "OUT", linear("out", "attended", "self_attn.o_proj", additions));
    source = lines(source, "GATE_UP", gateAndUp(config.block(), additions));
    source = lines(source, "MIXED", mixed(precision));
    source = lines(source, "DOWN", linear("down", "gated", "mlp.down_proj", additions));
    return withWeights(source, config)
        .replace("WORKING", precision == Precision.BFLOAT16 ? "torch.to(x, 15)" : "x")
        .replace("EXACT", precision == Precision.BFLOAT16 ? "torch.to(x, 6)" : "x")
        .replace("MAGNITUDES", magnitudes(config).toString())
        .replace("WINDOWS", config.attention().windows().toString())
        .replace("PADDING", text(config.paddingToken()))
        .replace("KEY_VALUE_HEADS", text(config.keyValueHeads()))
        .replace("HEAD_SIZE", text(config.headSize()))
        .replace("HEADS", text(config.heads()))
        .replace("HIDDEN", text(config.hiddenSize()))
        .replace("INTERMEDIATE", text(config.intermediateSize()))
        .replace("ROTARY", text(config.rotary().size()))
        .replace("HALF", text(config.headSize() / 2))
        .replace("GROUP", text(config.heads() / config.keyValueHeads()))
        .replace("LAYERS", text(config.layers()))
        .replace("OUTPUT", config.tiedEmbeddings() ? "0" : "2 + BLOCK * " + config.layers())
        .replace("BLOCK", text(config.blockShapes().size()))
        .replace("ADAPTER", text(config.weightShapes().size()))
        .replace("TARGETS", text(additions.layers().size()))
        .replace("SCALE", real(adapter.map(AdapterConfig::scale).orElse(0.0)))
        .replace("KEPT", real(1 - adapter.map(AdapterConfig::dropout).orElse(0.0)))
        .replace("EPSILON", real(config.normEpsilon()));
  }

  /**
   * The layers of a block that have an adapter.
   *
   * @param layers their names within a block, in the adapter's order
   */
  private record Additions(List<String> layers) {
    Additions(DecoderConfig config, Optional<AdapterConfig> adapter) {
      this(
          config.linearLayers(0).keySet().stream()
              .filter(layer -> adapter.isPresent() && adapter.get().adapts(layer))
              .map(layer -> layer.substring(DecoderConfig.blockPrefix(0).length()))
              .toList());
    }

    boolean has(String layer) {
      return layers.contains(layer);
    }

    /** The place of the layer's B among all weights. */
    String b(String layer) {
      return "self.working(weights[a + " + (2 * layers.indexOf(layer) + 1) + "])";
    }

    /** What the layer's adapter makes of {@code input}, with {@code b} for its B. */
    String of(String layer, String input, String b) {
      int place = layers.indexOf(layer);
      String a = "self.working(weights[a + " + 2 * place + "])";
      return "self.addition(" + String.join(", ", input, a, b, "seeds", "t + " + place) + ")";
    }
  }

  /** Puts several lines where {@code name} stands alone, as far to the right. */
  private static String lines(String source, String name, String... lines) {
    int at = source.indexOf(" " + name + "\n") + 1;
    String indentation = " ".repeat(at - 1 - source.lastIndexOf('\n', at));
    return source.substring(0, at)
        + String.join("\n" + indentation, lines)
        + source.substring(at + name.length());
  }

  private static String[] paired(DecoderConfig config) {
    if (config.rotary().size() == config.headSize()) {
      return new String[] {
        "halves = torch.view(weight, [heads, 2, HALF, -1])",
        "return torch.reshape(torch.transpose(halves, 1, 2), torch.size(weight))"
      };
    }
    return new String[] {
      "apart = torch.view(weight, [heads, HEAD_SIZE, -1])",
      "turning, rest = torch.split_with_sizes(apart, [ROTARY, HEAD_SIZE - ROTARY], 1)",
      "halves = torch.reshape(turning, [heads, 2, " + config.rotary().size() / 2 + ", -1])",
      "pairs = torch.reshape(torch.transpose(halves, 1, 2), [heads, ROTARY, -1])",
      "return torch.reshape(torch.cat([pairs, rest], 1), torch.size(weight))"
    };
  }

  /**
   * Without a mask, the fused kernels of a GPU share keys and values among the heads of a group by
   * themselves. With one they do not, and on the CPU no kernel does.
   */
  private static String[] mixed(Precision precision) {
    String repeated =
        "mixed = torch.scaled_dot_product_attention(torch.transpose(queries, 1, 2),"
            + " self.repeated(keys), self.repeated(values), seen, 0., window >= length)";
    return precision == Precision.FLOAT32
        ? new String[] {repeated}
        : new String[] {
          "if window < length:",
          "  " + repeated,
          "else:",
          "  mixed = torch.scaled_dot_product_attention(torch.transpose(queries, 1, 2),"
              + " torch.transpose(keys, 1, 2), torch.transpose(values, 1, 2), None, 0., True,"
              + " scale=None, enable_gqa=True)"
        };
  }

  private static String[] queryKeyValue(Block block, Additions additions) {
    List<String> lines = new ArrayList<>();
    if (block.packed()) {
      lines.addAll(split("query, key, value", "{self_attn.qkv_proj.weight}"));
    } else {
      lines.add("query = {self_attn.q_proj.weight}");
      lines.add("key = {self_attn.k_proj.weight}");
      lines.add("value = {self_attn.v_proj.weight}");
    }
    lines.add("weight = " + pairedTogether("query", "key", "value"));
    lines.add(
        block.queryKeyValueBias()
            ? "bias = "
                + pairedTogether(
                    "{self_attn.q_proj.bias}", "{self_attn.k_proj.bias}", "{self_attn.v_proj.bias}")
            : "bias = None");
    lines.add("projected = torch.linear(normed, weight, bias)");
    List<String> layers =
        Stream.of("self_attn.qkv_proj", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
            .filter(additions::has)
            .toList();
    if (layers.contains("self_attn.qkv_proj")) {
      lines.addAll(split("query_b, key_b, value_b", additions.b("self_attn.qkv_proj")));
      String b = pairedTogether("query_b", "key_b", "value_b");
      lines.add(
          "projected = torch.add(projected, "
              + additions.of("self_attn.qkv_proj", "normed", b)
              + ")");
    } else if (!layers.isEmpty()) {
      lines.add(
          "projected = torch.add(projected, torch.cat(["
              + String.join(
                  ", ",
                  addition("self_attn.q_proj", additions, "HEADS", true),
                  addition("self_attn.k_proj", additions, "KEY_VALUE_HEADS", true),
                  addition("self_attn.v_proj", additions, "KEY_VALUE_HEADS", false))
              + "], -1))");
    }
    return lines.toArray(new String[0]);
  }

  private static List<String> split(String names, String packed) {
    return List.of(
        names
            + " = torch.split_with_sizes("
            + packed
            + ", [HEADS * HEAD_SIZE, KEY_VALUE_HEADS * HEAD_SIZE, KEY_VALUE_HEADS * HEAD_SIZE])");
  }

  private static String pairedTogether(String query, String key, String value) {
    return "torch.cat([self.paired("
        + query
        + ", HEADS), self.paired("
        + key
        + ", KEY_VALUE_HEADS), "
        + value
        + "])";
  }

  /** What is added to one of queries, keys and values; zeros where its layer has no adapter. */
  private static String addition(String layer, Additions additions, String heads, boolean turned) {
    if (!additions.has(layer)) {
      return "torch.expand(torch.new_zeros(normed, [1, 1]), [batch * length, "
          + heads
          + " * HEAD_SIZE])";
    }
    String b = additions.b(layer);
    return additions.of(layer, "normed", turned ? "self.paired(" + b + ", " + heads + ")" : b);
  }

  private static String[] gateAndUp(Block block, Additions additions) {
    if (!block.packed()) {
      return Stream.of(
              linear("gate", "inner", "mlp.gate_proj", additions),
              linear("up", "inner", "mlp.up_proj", additions))
          .flatMap(Arrays::stream)
          .toArray(String[]::new);
    }
    return Stream.concat(
            Arrays.stream(linear("both", "inner", "mlp.gate_up_proj", additions)),
            Stream.of("gate, up = torch.split_with_sizes(both, [INTERMEDIATE, INTERMEDIATE], -1)"))
        .toArray(String[]::new);
  }

  /** {@code into} becomes what a layer makes of {@code input}. */
  private static String[] linear(String into, String input, String layer, Additions additions) {
    String plain =
        into + " = torch.linear(" + input + ", {" + layer + ".weight}, {" + layer + ".bias})";
    return additions.has(layer)
        ? new String[] {
          plain,
          into
              + " = torch.add("
              + into
              + ", "
              + additions.of(layer, input, additions.b(layer))
              + ")"
        }
        : new String[] {plain};
  }

  /** Each weight of a block by its place in the list, and None for a bias that is not there. */
  private static String withWeights(String source, DecoderConfig config) {
    int place = 0;
    for (String name : config.blockShapes().keySet()) {
      String weight = "weights[w + " + place++ + "]";
      // A norm's is for what is reckoned exactly.
      String used = name.contains("norm") ? weight : "self.working(" + weight + ")";
      source = source.replace("{" + name + "}", used);
    }
    return source.replaceAll("\\{[a-z_.]+\\.bias}", "None");
  }

  /** {@code [HALF]}: how long each pair of entries is after turning; 1 for those that do not. */
  private static List<String> magnitudes(DecoderConfig config) {
    return IntStream.range(0, config.headSize() / 2)
        .mapToObj(i -> real(i < config.rotary().size() / 2 ? config.rotary().magnitude() : 1))
        .toList();
  }

  private static String text(int value) {
    return Integer.toString(value);
  }

  private static String real(double value) {
    return String.format(Locale.ROOT, "%.17e", value);
  }
}
