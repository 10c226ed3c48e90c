package polyphony.activities.lm.onnx;

import java.util.List;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * Draws one token a row: temperature, nucleus (top-p; Holtzman et al. 2020, arXiv 1904.09751) and
 * inverse-CDF sampling from a uniform that the caller supplies, or the most probable token.
 *
 * @param temperature float scalar, above 0
 * @param topP float scalar in (0, 1]
 * @param greedy bool scalar: take the most probable token, whatever the other settings
 * @param nucleus bool scalar: whether {@code topP} is below 1
 * @param vocabulary tokens that there are
 * @param shortlist how many of the most probable tokens are sorted; where no row's nucleus holds
 *     more, no search is needed. Changes the speed alone.
 * @param segmented as in {@link GraphVariant}
 */
record TokenSelection(
    Value temperature,
    Value topP,
    Value greedy,
    Value nucleus,
    int vocabulary,
    int shortlist,
    boolean segmented) {
  /** Holds most nuclei of a trained model; sorting it costs little even in a large vocabulary. */
  static final int SHORTLIST = 256;

  /** A smaller vocabulary is added up in one go everywhere. */
  static final int SEGMENTED = 4096;

  private static final int SEGMENT = 512;

  /** The greatest double below 1: times any total, it rounds to less than the total. */
  private static final double BELOW_ONE = Math.nextDown(1.0);

  /** What a row gets in place of a token when its logits are not numbers. */
  static final long INVALID = -1;

  /**
   * Below this, the exponential of a 32-bit float is 0: such a token is never drawn, and the search
   * need not look there.
   */
  private static final float LOWEST = -104;

  /** Rounds after which thresholds are some 1e-4 apart. */
  private static final int NARROWING = 20;

  /** Far above every scaled logit, so that adding it sets a token apart. */
  private static final float BEYOND = 1e30f;

  /**
   * @param scaled (logit - row's greatest) / temperature, at most 0
   * @param weights exp(scaled): probabilities but for their sum
   * @param sum of the weights [batch, 1]
   */
  private record Weighted(Value scaled, Value weights, Value sum) {}

  /**
   * The drawn tokens, int64 [batch, 1].
   *
   * @param logits float [batch, vocabulary]
   * @param uniforms double [batch, 1] in [0, 1)
   */
  Value select(GraphBuilder graph, Value logits, Value uniforms) {
    Weighted weighted = weigh(graph, logits);

    GraphBuilder best = graph.subgraph("greedy");
    best.output(extreme(best, logits, 1).get(1), ElementType.INT64, "batch", "1");

    GraphBuilder draw = graph.subgraph("draw");
    draw.output(
        inverseCumulative(draw, keep(draw, weighted), uniforms), ElementType.INT64, "batch", "1");

    Value token =
        graph.operator("If").with("then_branch", best).with("else_branch", draw).of(greedy);
    // A sum over anything that is not a number is not a number, and not above 0.
    Value valid = graph.apply("Greater", weighted.sum(), graph.real(0));
    return graph.apply("Where", valid, token, graph.integer(INVALID));
  }

  private Weighted weigh(GraphBuilder graph, Value logits) {
    Value shifted = graph.apply("Sub", logits, extreme(graph, logits, 1).get(0));
    Value scaled = graph.apply("Div", shifted, temperature);
    Value weights = graph.apply("Exp", scaled);
    return new Weighted(scaled, weights, graph.reduce("ReduceSum", weights, 1));
  }

  /**
   * The weights of the tokens that may be drawn, 0 elsewhere: float [batch, vocabulary]. With
   * {@code nucleus}, the kept tokens are the smallest set of most probable ones whose mass reaches
   * {@code topP}, tokens that tie with the least of them included.
   */
  Value kept(GraphBuilder graph, Value logits) {
    return keep(graph, weigh(graph, logits));
  }

  private Value keep(GraphBuilder graph, Weighted weighted) {
    GraphBuilder cut = graph.subgraph("nucleus");
    Value member = cut.apply("GreaterOrEqual", weighted.scaled(), nucleusThreshold(cut, weighted));
    cut.output(
        cut.apply("Where", member, weighted.weights(), cut.real(0)),
        ElementType.FLOAT,
        "batch",
        "vocabulary");
    GraphBuilder whole = graph.subgraph("whole");
    whole.output(
        whole.apply("Identity", weighted.weights()), ElementType.FLOAT, "batch", "vocabulary");
    return graph.operator("If").with("then_branch", cut).with("else_branch", whole).of(nucleus);
  }

  /** The least scaled logit in the nucleus, float [batch, 1]. */
  private Value nucleusThreshold(GraphBuilder graph, Weighted weighted) {
    Value target = graph.apply("Mul", weighted.sum(), topP);
    Value sorted =
        graph
            .operator("TopK")
            .with("axis", 1)
            .outputs(2, weighted.scaled(), graph.integers(Math.min(vocabulary, shortlist)))
            .get(0);
    Value masses = graph.apply("CumSum", graph.apply("Exp", sorted), graph.integer(1));
    Value tooFew = graph.cast(graph.apply("Less", masses, target), ElementType.INT64);
    Value place = graph.reduce("ReduceSum", tooFew, 1); // of the token that reaches the target

    GraphBuilder listed = graph.subgraph("listed");
    listed.output(
        listed.operator("GatherElements").with("axis", 1).of(sorted, place),
        ElementType.FLOAT,
        "batch",
        "1");
    GraphBuilder searched = graph.subgraph("searched");
    searched.output(search(searched, weighted, target), ElementType.FLOAT, "batch", "1");
    Value beyond = graph.any(graph.apply("Less", last(graph, masses), target));
    return graph
        .operator("If")
        .with("then_branch", searched)
        .with("else_branch", listed)
        .of(beyond);
  }

  /**
   * The least scaled logit in the nucleus, float [batch, 1], by bisection over values: first over
   * any, which is cheap, until few tokens are left between; then over those of tokens. Throughout
   * the latter, the tokens at or above {@code reached} have enough mass; those above {@code
   * candidate} do not, and no token lies strictly between {@code candidate} and the last threshold
   * that was too high. Each round moves one of the two onto another token's value, so the search
   * ends, and it ends exactly where both meet.
   */
  private static Value search(GraphBuilder graph, Weighted weighted, Value target) {
    // Finite, for the sums below; what this changes has no probability.
    Value scaled = graph.apply("Max", weighted.scaled(), graph.real(2 * LOWEST));
    List<Value> limits = narrowed(graph, weighted, scaled, target);
    Value least = least(graph, scaled, members(graph, scaled, limits.get(0)));
    Value greatest = greatestBeside(graph, scaled, members(graph, scaled, limits.get(1)));

    GraphBuilder body = graph.subgraph("search");
    body.parameter("round", ElementType.INT64);
    body.parameter("going", ElementType.BOOL);
    Value reached = body.parameter("reached", ElementType.FLOAT, "batch", "1");
    Value candidate = body.parameter("candidate", ElementType.FLOAT, "batch", "1");
    Value middle = middle(body, reached, candidate);
    // Rounding may put the middle of neighbours onto the lower one, which would try it forever.
    Value threshold =
        body.apply("Where", body.apply("Greater", middle, reached), middle, candidate);
    Value members = members(body, scaled, threshold);
    Value enough = enough(body, weighted, members, target);
    Value nextReached = body.apply("Where", enough, least(body, scaled, members), reached);
    Value nextCandidate =
        body.apply("Where", enough, candidate, greatestBeside(body, scaled, members));
    body.output(body.any(body.apply("Greater", nextCandidate, nextReached)), ElementType.BOOL);
    body.output(nextReached, ElementType.FLOAT, "batch", "1");
    body.output(nextCandidate, ElementType.FLOAT, "batch", "1");

    Value going = graph.any(graph.apply("Greater", greatest, least));
    List<Value> found =
        graph.operator("Loop").with("body", body).outputs(2, Value.NONE, going, least, greatest);
    return found.get(0);
  }

  /** Two thresholds, [batch, 1] each: one with enough mass, and a higher one without. */
  private static List<Value> narrowed(
      GraphBuilder graph, Weighted weighted, Value scaled, Value target) {
    GraphBuilder body = graph.subgraph("narrow");
    body.parameter("round", ElementType.INT64);
    Value going = body.parameter("going", ElementType.BOOL);
    Value low = body.parameter("low", ElementType.FLOAT, "batch", "1");
    Value high = body.parameter("high", ElementType.FLOAT, "batch", "1");
    Value middle = middle(body, low, high);
    Value enough = enough(body, weighted, members(body, scaled, middle), target);
    body.output(going, ElementType.BOOL);
    body.output(body.apply("Where", enough, middle, low), ElementType.FLOAT, "batch", "1");
    body.output(body.apply("Where", enough, high, middle), ElementType.FLOAT, "batch", "1");

    Value lowest = graph.apply("Max", extreme(graph, scaled, 0).get(0), graph.real(LOWEST));
    Value above = graph.apply("Add", extreme(graph, scaled, 1).get(0), graph.real(1));
    return graph
        .operator("Loop")
        .with("body", body)
        .outputs(2, graph.integer(NARROWING), graph.truth(true), lowest, above);
  }

  private static Value middle(GraphBuilder graph, Value low, Value high) {
    return graph.apply("Mul", graph.apply("Add", low, high), graph.real(0.5f));
  }

  /** 1 for the tokens at or above the threshold, 0 for the others: float [batch, vocabulary]. */
  private static Value members(GraphBuilder graph, Value scaled, Value threshold) {
    return graph.cast(graph.apply("GreaterOrEqual", scaled, threshold), ElementType.FLOAT);
  }

  private static Value enough(GraphBuilder graph, Weighted weighted, Value members, Value target) {
    Value mass = graph.reduce("ReduceSum", graph.apply("Mul", weighted.weights(), members), 1);
    return graph.apply("GreaterOrEqual", mass, target);
  }

  /** Of the members, by sums and products, as the CPU's Where takes four times as long. */
  private static Value least(GraphBuilder graph, Value scaled, Value members) {
    Value lift = graph.apply("Mul", members, graph.real(-BEYOND));
    Value others = graph.apply("Add", lift, graph.real(BEYOND));
    return extreme(graph, graph.apply("Add", scaled, others), 0).get(0);
  }

  /** Of the tokens that are no members. */
  private static Value greatestBeside(GraphBuilder graph, Value scaled, Value members) {
    Value lift = graph.apply("Mul", members, graph.real(BEYOND));
    return extreme(graph, graph.apply("Sub", scaled, lift), 1).get(0);
  }

  /**
   * The greatest or least value of each row of [batch, n], and the first place where it stands:
   * both [batch, 1]. Not by ReduceMax, ReduceMin and ArgMax, which want cuDNN on CUDA.
   */
  private static List<Value> extreme(GraphBuilder graph, Value values, int greatest) {
    return graph
        .operator("TopK")
        .with("axis", 1)
        .with("largest", greatest)
        .outputs(2, values, graph.integers(1));
  }

  /**
   * The first token whose cumulative weight exceeds the uniform's share of the total. Its own
   * weight is then above 0. In double precision, so that the many small weights of a large
   * vocabulary are not lost beside the few great ones.
   */
  private Value inverseCumulative(GraphBuilder graph, Value weights, Value uniforms) {
    if (!segmented || vocabulary < SEGMENTED) {
      Value wide = graph.cast(weights, ElementType.DOUBLE);
      Value cumulative = graph.apply("CumSum", wide, graph.integer(1));
      return passed(
          graph, cumulative, graph.apply("Mul", below(graph, uniforms), last(graph, cumulative)));
    }
    int segments = (vocabulary + SEGMENT - 1) / SEGMENT;
    int missing = segments * SEGMENT - vocabulary;
    Value whole =
        missing == 0 ? weights : graph.apply("Pad", weights, graph.integers(0, 0, 0, missing));
    Value wide =
        graph.cast(
            graph.apply("Reshape", whole, graph.integers(-1, segments, SEGMENT)),
            ElementType.DOUBLE);
    Value sums = graph.operator("ReduceSum").with("keepdims", 0).of(wide, graph.integers(2));
    Value cumulative = graph.apply("CumSum", sums, graph.integer(1)); // [batch, segments]
    Value share = graph.apply("Mul", below(graph, uniforms), last(graph, cumulative));
    // Rows whose weights are not numbers pass all, and are no tokens anyway.
    Value segment =
        graph.apply("Min", passed(graph, cumulative, share), graph.integer(segments - 1));

    Value before =
        graph
            .operator("GatherElements")
            .with("axis", 1)
            .of(graph.operator("CumSum").with("exclusive", 1).of(sums, graph.integer(1)), segment);
    Value rows =
        graph.apply(
            "Range",
            graph.integer(0),
            graph.apply("Mul", graph.length(weights, 0), graph.integer(segments)),
            graph.integer(segments)); // [batch]
    Value chosen =
        graph.rowsOf(
            wide, graph.apply("Add", rows, graph.apply("Squeeze", segment, graph.integers(1))));
    Value within = graph.apply("CumSum", chosen, graph.integer(1)); // [batch, SEGMENT]
    // What the sums' rounding leaves over must not lead beyond the segment.
    Value limit = graph.apply("Mul", last(graph, within), graph.doubleReal(BELOW_ONE));
    Value rest = graph.apply("Min", graph.apply("Sub", share, before), limit);
    return graph.apply(
        "Add", graph.apply("Mul", segment, graph.integer(SEGMENT)), passed(graph, within, rest));
  }

  /** How many of {@code cumulative} [batch, n] are not above {@code share}: int64 [batch, 1]. */
  private static Value passed(GraphBuilder graph, Value cumulative, Value share) {
    Value passed = graph.apply("LessOrEqual", cumulative, share);
    Value count = graph.reduce("ReduceSum", graph.cast(passed, ElementType.INT32), 1);
    return graph.cast(count, ElementType.INT64);
  }

  private static Value last(GraphBuilder graph, Value cumulative) {
    return graph.operator("Gather").with("axis", 1).of(cumulative, graph.integers(-1));
  }

  private static Value below(GraphBuilder graph, Value uniforms) {
    return graph.apply("Min", uniforms, graph.doubleReal(BELOW_ONE));
  }
}
