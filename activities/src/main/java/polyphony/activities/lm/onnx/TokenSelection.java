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
 * @param shortlist how many of the most probable tokens are sorted; where no row's nucleus holds
 *     more, no search is needed. Changes the speed alone.
 */
record TokenSelection(Value temperature, Value topP, Value greedy, Value nucleus, int shortlist) {
  /** Holds most nuclei of a trained model; sorting it costs little even in a large vocabulary. */
  static final int SHORTLIST = 256;

  /** What a row gets in place of a token when its logits are not numbers. */
  static final long INVALID = -1;

  /**
   * Below this, the exponential of a 32-bit float is 0: such a token is never drawn, and the search
   * need not look there.
   */
  private static final float LOWEST = -104;

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
    best.output(
        best.operator("ArgMax").with("axis", 1).with("keepdims", 1).of(logits),
        ElementType.INT64,
        "batch",
        "1");

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
    Value shifted = graph.apply("Sub", logits, graph.reduce("ReduceMax", logits, 1));
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
    Value size = graph.apply("Min", graph.length(weighted.scaled(), 1), graph.integer(shortlist));
    Value sorted =
        graph
            .operator("TopK")
            .with("axis", 1)
            .outputs(2, weighted.scaled(), graph.apply("Unsqueeze", size, graph.integers(0)))
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
    Value beyond = any(graph, graph.apply("GreaterOrEqual", place, size));
    return graph
        .operator("If")
        .with("then_branch", searched)
        .with("else_branch", listed)
        .of(beyond);
  }

  /**
   * The least scaled logit in the nucleus, float [batch, 1], by bisection over values. Throughout,
   * the tokens at or above {@code reached} have enough mass; those above {@code candidate} do not,
   * and no token lies strictly between {@code candidate} and the last threshold that was too high.
   * Each round moves one of the two onto another token's value, so the search ends, and it ends
   * exactly where both meet.
   */
  private static Value search(GraphBuilder graph, Weighted weighted, Value target) {
    // Finite, for the sums below; what this changes has no probability.
    Value scaled = graph.apply("Max", weighted.scaled(), graph.real(2 * LOWEST));
    Value bottom = graph.apply("Max", graph.reduce("ReduceMin", scaled, 1), graph.real(LOWEST));
    Value top = graph.reduce("ReduceMax", scaled, 1);

    GraphBuilder body = graph.subgraph("search");
    body.parameter("round", ElementType.INT64);
    body.parameter("going", ElementType.BOOL);
    Value reached = body.parameter("reached", ElementType.FLOAT, "batch", "1");
    Value candidate = body.parameter("candidate", ElementType.FLOAT, "batch", "1");
    Value middle = body.apply("Mul", body.apply("Add", reached, candidate), body.real(0.5f));
    // Rounding may put the middle of neighbours onto the lower one, which would try it forever.
    Value threshold =
        body.apply("Where", body.apply("Greater", middle, reached), middle, candidate);
    Value above = body.apply("GreaterOrEqual", scaled, threshold);
    Value members = body.cast(above, ElementType.FLOAT);
    Value mass = body.reduce("ReduceSum", body.apply("Mul", weighted.weights(), members), 1);
    Value enough = body.apply("GreaterOrEqual", mass, target);
    // Sums and products, as the CPU's Where takes four times as long.
    Value liftOfMembers = body.apply("Mul", members, body.real(BEYOND));
    Value greatestBelow = body.reduce("ReduceMax", body.apply("Sub", scaled, liftOfMembers), 1);
    Value leastAbove =
        body.reduce(
            "ReduceMin",
            body.apply("Add", scaled, body.apply("Sub", body.real(BEYOND), liftOfMembers)),
            1);
    Value nextReached = body.apply("Where", enough, leastAbove, reached);
    Value nextCandidate = body.apply("Where", enough, candidate, greatestBelow);
    body.output(any(body, body.apply("Greater", nextCandidate, nextReached)), ElementType.BOOL);
    body.output(nextReached, ElementType.FLOAT, "batch", "1");
    body.output(nextCandidate, ElementType.FLOAT, "batch", "1");

    Value going = any(graph, graph.apply("Greater", top, bottom));
    List<Value> found =
        graph.operator("Loop").with("body", body).outputs(2, Value.NONE, going, bottom, top);
    return found.get(0);
  }

  /** Whether any element of a bool [batch, 1] is true, as a scalar. */
  private static Value any(GraphBuilder graph, Value truths) {
    Value numbers = graph.cast(truths, ElementType.INT32);
    Value greatest = graph.operator("ReduceMax").with("keepdims", 0).of(numbers);
    return graph.cast(greatest, ElementType.BOOL);
  }

  /**
   * The first token whose cumulative weight exceeds the uniform's share of the total. Its own
   * weight is then above 0. In double precision, so that the many small weights of a large
   * vocabulary are not lost beside the few great ones.
   */
  private static Value inverseCumulative(GraphBuilder graph, Value weights, Value uniforms) {
    Value cumulative =
        graph.apply("CumSum", graph.cast(weights, ElementType.DOUBLE), graph.integer(1));
    Value total = graph.operator("Gather").with("axis", 1).of(cumulative, graph.integers(-1));
    // The greatest double below 1: times any total, it rounds to less than the total.
    Value share = graph.apply("Min", uniforms, graph.doubleReal(Math.nextDown(1.0)));
    Value passed = graph.apply("LessOrEqual", cumulative, graph.apply("Mul", share, total));
    Value count = graph.reduce("ReduceSum", graph.cast(passed, ElementType.INT32), 1);
    return graph.cast(count, ElementType.INT64);
  }
}
