package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.Weights;
import polyphony.activities.lm.onnx.AttentionForm.Cache;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/** The models that are run: one that generates, one that scores, one whose logits are looked at. */
final class DecoderGraph {
  private DecoderGraph() {}

  /**
   * Prefill and decoding in one run. The prompt goes through the loop's first iteration, each new
   * token through the next.
   *
   * <p>On CUDA an iteration copies its number to the device, 8 bytes, and the loop's condition
   * back, 1 byte; with a nucleus also whether the search is needed, 1 byte. The cache stays where
   * it is.
   *
   * <p>Inputs: {@code prompts} int64 [batch, columns], padded where the variant wants it; {@code
   * padding} int64 [batch]; {@code limits} int64 [batch], the most new tokens of each row, at least
   * 1; {@code uniforms} double [batch, steps]; {@code endTokens} int64 [ends], at least one; {@code
   * temperature}, {@code topP} float; {@code greedy}, {@code nucleus} bool; {@code cosine}, {@code
   * sine} float [regimes * positions, rotated / 2]; and, where the model's rotary positions have
   * several regimes, {@code firstRows} int64 [batch], where in the tables each row's begins. Where
   * there are adapters, {@code adapters} float [batch, rank], and each of their layers' matrices;
   * see {@link AdapterStack}.
   *
   * <p>Output: {@code tokens} int64 [executed, batch]; executed is below steps where every row
   * ended or reached its limit earlier. What follows a row's end is to be ignored.
   *
   * @throws polyphony.storage.PolyphonyException DATA where a weight cannot be used
   */
  static ModelProto generation(
      DecoderConfig config, Weights weights, AdapterStack adapters, GraphVariant variant) {
    GraphBuilder graph = new GraphBuilder("generation");
    Value prompts = graph.input("prompts", ElementType.INT64, "batch", "columns");
    Value padding = graph.input("padding", ElementType.INT64, "batch");
    Value limits = graph.input("limits", ElementType.INT64, "batch");
    Value uniforms = graph.input("uniforms", ElementType.DOUBLE, "batch", "steps");
    Value endTokens = graph.input("endTokens", ElementType.INT64, "ends");
    TokenSelection selection =
        new TokenSelection(
            graph.input("temperature", ElementType.FLOAT),
            graph.input("topP", ElementType.FLOAT),
            onHost(graph, graph.input("greedy", ElementType.BOOL), prompts),
            onHost(graph, graph.input("nucleus", ElementType.BOOL), prompts),
            config.vocabularySize(),
            TokenSelection.SHORTLIST,
            variant.segmented());
    ElementType type = variant.precision().type();
    Decoder decoder =
        new Decoder(
            graph, config, weights, type, adapters, attention(graph, config, variant, padding));

    Value batch = graph.operator("Shape").with("start", 0).with("end", 1).of(prompts);
    Value emptyShape =
        graph
            .operator("Concat")
            .with("axis", 0)
            .of(batch, graph.integers(config.keyValueHeads(), 0, config.headSize()));
    Value nothing = graph.apply("ConstantOfShape", emptyShape);
    Value empty = type == ElementType.FLOAT ? nothing : graph.cast(nothing, type);
    Value nobody = graph.cast(graph.apply("ConstantOfShape", batch), ElementType.BOOL);

    GraphBuilder body = graph.subgraph("decode");
    Value step = body.parameter("step", ElementType.INT64);
    body.parameter("going", ElementType.BOOL);
    Value ids = body.parameter("ids", ElementType.INT64, "batch", "new");
    Value finished = body.parameter("finished", ElementType.BOOL, "batch");
    String[] cacheShape = {
      "batch", Integer.toString(config.keyValueHeads()), "past", Integer.toString(config.headSize())
    };
    List<Cache> past = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      past.add(
          new Cache(
              body.parameter("pastKey", type, cacheShape),
              body.parameter("pastValue", type, cacheShape)));
    }

    Decoder.Forward forward = decoder.forward(body, ids, past, AttentionForm.Pass::last);
    Value uniform =
        body.operator("Gather")
            .with("axis", 1)
            .of(uniforms, body.apply("Unsqueeze", step, body.integers(0)));
    Value token = selection.select(body, decoder.logits(body, forward.hidden()), uniform);
    Value tokens = body.apply("Squeeze", token, body.integers(1));

    Value endings = body.cast(body.apply("Equal", token, endTokens), ElementType.FLOAT);
    Value ended =
        body.cast(
            body.operator("ReduceSum").with("keepdims", 0).of(endings, body.integers(1)),
            ElementType.BOOL);
    Value full = body.apply("GreaterOrEqual", body.apply("Add", step, body.integer(1)), limits);
    Value invalid = body.apply("Less", tokens, body.integer(0));
    Value nowFinished =
        body.apply("Or", body.apply("Or", finished, ended), body.apply("Or", full, invalid));
    body.output(body.any(body.apply("Not", nowFinished)), ElementType.BOOL);
    body.output(token, ElementType.INT64, "batch", "1");
    body.output(nowFinished, ElementType.BOOL, "batch");
    String[] grownShape = {cacheShape[0], cacheShape[1], "present", cacheShape[3]};
    for (Cache cache : forward.caches()) {
      body.output(cache.key(), type, grownShape);
      body.output(cache.value(), type, grownShape);
    }
    body.output(tokens, ElementType.INT64, "batch");

    List<Value> initial = new ArrayList<>();
    initial.add(graph.length(uniforms, 1));
    initial.add(graph.truth(true));
    initial.add(prompts);
    initial.add(nobody);
    for (int layer = 0; layer < config.layers(); layer++) {
      initial.add(empty);
      initial.add(empty);
    }
    List<Value> results =
        graph
            .operator("Loop")
            .with("body", body)
            .outputs(3 + 2 * config.layers(), initial.toArray(new Value[0]));
    graph.output("tokens", results.get(results.size() - 1), ElementType.INT64, "executed", "batch");
    return graph.model();
  }

  /**
   * {@code truth} as a value that CUDA keeps on the host, where conditions are wanted, because it
   * depends on a shape; an input that only the loop uses would lie on the device, and come back in
   * every iteration.
   */
  private static Value onHost(GraphBuilder graph, Value truth, Value anything) {
    Value rows = graph.operator("Shape").with("start", 0).with("end", 1).of(anything);
    return graph.apply("And", truth, graph.cast(rows, ElementType.BOOL));
  }

  /**
   * One forward pass over given tokens.
   *
   * <p>Inputs: {@code texts} int64 [batch, columns], padded where the variant wants it; {@code
   * padding} int64 [batch]; {@code positions} int64 [scored], each {@code row * columns + column}
   * of the token before the scored one; {@code cosine}, {@code sine} float [regimes * positions,
   * rotated / 2]; and, where the model's rotary positions have several regimes, {@code firstRows}
   * int64 [batch]. Adapters as in {@link #generation}.
   *
   * <p>Outputs: {@code logDistributions} float [scored, vocabulary]; {@code hidden} float [scored,
   * hiddenSize], after the final norm.
   *
   * @throws polyphony.storage.PolyphonyException DATA where a weight cannot be used
   */
  static ModelProto scoring(
      DecoderConfig config, Weights weights, AdapterStack adapters, GraphVariant variant) {
    GraphBuilder graph = new GraphBuilder("scoring");
    Given given = given(graph, config, weights, adapters, variant);
    Value logDistributions = graph.operator("LogSoftmax").with("axis", -1).of(given.logits(graph));
    graph.output(
        "logDistributions",
        logDistributions,
        ElementType.FLOAT,
        "scored",
        Integer.toString(config.vocabularySize()));
    graph.output(
        "hidden",
        variant.precision().type() == ElementType.FLOAT
            ? given.hidden()
            : graph.cast(given.hidden(), ElementType.FLOAT),
        ElementType.FLOAT,
        "scored",
        Integer.toString(config.hiddenSize()));
    return graph.model();
  }

  /**
   * As {@link #scoring}, with the one output {@code logits} float [scored, vocabulary].
   *
   * @throws polyphony.storage.PolyphonyException DATA where a weight cannot be used
   */
  static ModelProto logits(
      DecoderConfig config, Weights weights, AdapterStack adapters, GraphVariant variant) {
    GraphBuilder graph = new GraphBuilder("logits");
    graph.output(
        "logits",
        given(graph, config, weights, adapters, variant).logits(graph),
        ElementType.FLOAT,
        "scored",
        Integer.toString(config.vocabularySize()));
    return graph.model();
  }

  /**
   * The forward pass over given tokens.
   *
   * @param hidden [scored, hiddenSize], of the stream's type
   */
  private record Given(Decoder decoder, Value hidden) {
    Value logits(GraphBuilder graph) {
      return decoder.logits(graph, hidden);
    }
  }

  private static Given given(
      GraphBuilder graph,
      DecoderConfig config,
      Weights weights,
      AdapterStack adapters,
      GraphVariant variant) {
    Value texts = graph.input("texts", ElementType.INT64, "batch", "columns");
    Value padding = graph.input("padding", ElementType.INT64, "batch");
    Value positions = graph.input("positions", ElementType.INT64, "scored");
    Decoder decoder =
        new Decoder(
            graph,
            config,
            weights,
            variant.precision().type(),
            adapters,
            attention(graph, config, variant, padding));
    Decoder.Forward forward =
        decoder.forward(graph, texts, List.of(), (pass, value) -> graph.rowsOf(value, positions));
    return new Given(decoder, forward.hidden());
  }

  private static AttentionForm attention(
      GraphBuilder graph, DecoderConfig config, GraphVariant variant, Value padding) {
    ElementType type = variant.precision().type();
    Rotation rotation =
        new Rotation(
            config,
            config.rotary().regimes() == 1
                ? Optional.empty()
                : Optional.of(graph.input("firstRows", ElementType.INT64, "batch")),
            rotaryTable(graph, config, type, "cosine"),
            rotaryTable(graph, config, type, "sine"));
    return variant.grouped(config)
        ? new GroupedAttention(config, padding, rotation)
        : new OnnxAttention(config, type, padding, rotation);
  }

  private static Value rotaryTable(
      GraphBuilder graph, DecoderConfig config, ElementType type, String name) {
    String half = Integer.toString(config.rotary().size() / 2);
    Value table = graph.input(name, ElementType.FLOAT, "table", half);
    return type == ElementType.FLOAT ? table : graph.cast(table, type);
  }
}
