package polyphony.activities.lm.onnx;

import static polyphony.activities.lm.DecoderConfig.WHOLE_TEXT;

import java.util.List;
import java.util.Optional;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * Attention by {@code com.microsoft:GroupQueryAttention} over right-padded rows. There is no mask:
 * the operator is told how many tokens each row has. A row's next token takes the place after its
 * last one, so that padding is overwritten; what was computed of padding is never seen.
 *
 * <p>On CUDA everything here stays on the device. Lengths come of shapes, which are known on the
 * host, and {@code Range} brings them to the device as arguments of its kernel, without a copy.
 */
final class GroupedAttention implements AttentionForm {
  private final DecoderConfig config;
  private final Value padding;
  private final Rotation rotation;

  /**
   * @param padding int64 [batch]: columns on the right of a row that hold no token
   */
  GroupedAttention(DecoderConfig config, Value padding, Rotation rotation) {
    this.config = config;
    this.padding = padding;
    this.rotation = rotation;
  }

  @Override
  public Pass begin(GraphBuilder graph, Value ids, Optional<Cache> past) {
    Value columns = dimension(graph, ids, 1);
    Value first =
        past.map(cache -> dimension(graph, cache.key(), 2)).orElseGet(() -> graph.integers(0));
    Value total = graph.apply("Add", first, columns);
    Value lastOfAll = onDevice(graph, graph.apply("Sub", total, graph.integers(1))); // [1]
    // The operator wants each row's tokens less 1, its new ones included.
    Value lastOfRows =
        graph.cast(graph.apply("Sub", lastOfAll, padding), ElementType.INT32); // [batch]
    Value total32 = graph.cast(total, ElementType.INT32);
    Optional<Value> rows =
        inOperator() ? Optional.empty() : Optional.of(rotaryRows(graph, first, total));

    return new Pass() {
      @Override
      public Attended attend(
          int layer, Value query, Value key, Value value, Optional<Cache> cache) {
        Value turnedQuery =
            rows.map(each -> rotation.turn(graph, query, each, config.heads())).orElse(query);
        Value turnedKey =
            rows.map(each -> rotation.turn(graph, key, each, config.keyValueHeads())).orElse(key);
        List<Value> outputs =
            operator(graph, layer)
                .outputs(
                    3,
                    turnedQuery,
                    turnedKey,
                    value,
                    cache.map(Cache::key).orElse(Value.NONE),
                    cache.map(Cache::value).orElse(Value.NONE),
                    lastOfRows,
                    total32,
                    inOperator() ? rotation.cosine() : Value.NONE,
                    inOperator() ? rotation.sine() : Value.NONE);
        return new Attended(
            outputs.get(0), cache.map(each -> new Cache(outputs.get(1), outputs.get(2))));
      }

      @Override
      public Value last(Value value) {
        Value lastColumn = onDevice(graph, graph.apply("Sub", columns, graph.integers(1)));
        // A prompt ends before its padding; after it, there is one column.
        Value place = graph.apply("Max", graph.apply("Sub", lastColumn, padding), graph.integer(0));
        Value starts =
            graph.apply(
                "Range",
                graph.integer(0),
                graph.apply("Squeeze", graph.apply("Mul", dimension(graph, ids, 0), columns)),
                graph.apply("Squeeze", columns)); // [batch]
        return graph.rowsOf(value, graph.apply("Add", starts, place));
      }
    };
  }

  /** The operator turns queries and keys itself where its kernels can. */
  private boolean inOperator() {
    return config.rotary().regimes() == 1
        && config.headSize() % 16 == 0
        && config.rotary().size() % 16 == 0;
  }

  private GraphBuilder.Operator operator(GraphBuilder graph, int layer) {
    GraphBuilder.Operator operator =
        graph
            .operator("GroupQueryAttention")
            .in(GraphBuilder.CONTRIB)
            .with("num_heads", config.heads())
            .with("kv_num_heads", config.keyValueHeads())
            .with("scale", (float) config.attention().scale())
            .with("do_rotary", inOperator() ? 1 : 0);
    if (!Double.isInfinite(config.attention().cap())) {
      operator.with("softcap", (float) config.attention().cap());
    }
    int window = config.attention().windows().get(layer);
    return window == WHOLE_TEXT ? operator : operator.with("local_window_size", window);
  }

  /** Rows of the rotary tables, [batch, columns]; those of padding are some row or other. */
  private Value rotaryRows(GraphBuilder graph, Value first, Value total) {
    Value columns =
        graph.apply(
            "Range",
            graph.apply("Squeeze", first),
            graph.apply("Squeeze", total),
            graph.integer(1)); // [columns]
    Value start = graph.apply("Unsqueeze", padding, graph.integers(1)); // [batch, 1]
    // Only after the prompt do a row's tokens stand further right than their positions.
    Value shift = graph.apply("Min", start, onDevice(graph, first));
    return rotation.rows(graph, graph.apply("Sub", columns, shift));
  }

  private static Value dimension(GraphBuilder graph, Value value, int axis) {
    return graph.operator("Shape").with("start", axis).with("end", axis + 1).of(value);
  }

  /** A number that the host knows, [1], as a tensor of the device. */
  private static Value onDevice(GraphBuilder graph, Value number) {
    Value start = graph.apply("Squeeze", number);
    Value end = graph.apply("Add", start, graph.integer(1));
    return graph.apply("Range", start, end, graph.integer(1));
  }
}
